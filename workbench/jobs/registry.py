"""All jobs of this process: started, found by id, bounded in number.

Belongs here: who runs and who is remembered. Does not belong here: one job's life
(job.py). The registry lives as long as the process: a page that reloads finds its
job again by id, a restarted server does not.
"""

import secrets
import threading
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from workbench.errors import WorkbenchError
from workbench.jobs.job import Job

MAX_JOBS = 64
MAX_RUNNING = 8


class Registry:
    """Return an empty list of jobs.

    Parameters
    ----------
    max_jobs : int
        Remembered at most; the oldest finished ones are forgotten first.
    max_running : int
        Running at once at most.
    """

    def __init__(
        self, *, max_jobs: int = MAX_JOBS, max_running: int = MAX_RUNNING
    ) -> None:
        self._max_jobs = max_jobs
        self._max_running = max_running
        self._guard = threading.Lock()
        self._jobs: dict[str, Job] = {}

    def start(
        self,
        work: Callable[[Job], object],
        *,
        spec: Mapping[str, Any],
        total: int = 0,
    ) -> Job:
        """Run `work(job)` in a thread of its own; return the job at once.

        Parameters
        ----------
        work : callable (Job) -> object
            Calls `job.advance(row)` after each cell, or `job.check()` at least once
            a second.
        spec : mapping
            What is asked for; shown to people.
        total : int
            Cells, 0 when not known yet.

        Raises
        ------
        WorkbenchError
            When too many jobs are running.
        """
        job = Job(secrets.token_hex(4), spec, total=total)
        with self._guard:
            running = sum(not one.view().finished for one in self._jobs.values())
            if running >= self._max_running:
                raise WorkbenchError(
                    found=f"{running} jobs are running",
                    expected=f"fewer than {self._max_running}",
                    next_step="Wait for one to end, or cancel one.",
                )
            self._jobs[job.id] = job
            self._forget_old()
        threading.Thread(
            target=job.run, args=(work,), name=f"job-{job.id}", daemon=True
        ).start()
        return job

    def get(self, job_id: str) -> Job:
        """Return the job of that id.

        Raises
        ------
        WorkbenchError
            When it is not known, or not any more.
        """
        with self._guard:
            if job_id in self._jobs:
                return self._jobs[job_id]
        raise WorkbenchError(
            found=f"no job {job_id!r}",
            expected="a job of this running server",
            next_step="It may have ended long ago: look for it among the runs.",
        )

    def jobs(self) -> tuple[Job, ...]:
        """Return all remembered jobs, the newest first."""
        with self._guard:
            return tuple(reversed(self._jobs.values()))

    def _forget_old(self) -> None:
        finished = [one.id for one in self._jobs.values() if one.view().finished]
        for job_id in finished[: max(len(self._jobs) - self._max_jobs, 0)]:
            del self._jobs[job_id]


@cache
def registry() -> Registry:
    """Return the one registry of this process."""
    return Registry()
