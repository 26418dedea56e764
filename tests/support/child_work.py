"""Work for jobs in a child process; no torch here, so that a child starts at once."""

import os
import signal
from time import sleep

from workbench.errors import WorkbenchError
from workbench.jobs.job import Job


def counts(job: Job, upto: int) -> str:
    job.set_total(upto)
    for n in range(upto):
        job.advance({"n": n, "pid": os.getpid()})
    return f"counted to {upto}"


def refuses(job: Job) -> None:
    job.advance({"n": 0})
    raise WorkbenchError("no data", "a dataset", "Choose one.")


def fails(job: Job) -> None:
    raise ZeroDivisionError("by nought")


def dies(job: Job) -> None:
    job.advance({"n": 0})
    os.kill(os.getpid(), signal.SIGKILL)


def goes_on(job: Job) -> None:
    while True:
        sleep(0.02)
        job.advance({"pid": os.getpid()})


def never_checks(job: Job) -> None:
    job.advance({"pid": os.getpid()})
    sleep(600)
