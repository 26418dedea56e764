"""Progress of a job on a terminal: how far, how fast, how long still.

Belongs here: the bar; in a pipe there is none. Does not belong here: the job.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from workbench.jobs.job import Job, JobView


@contextmanager
def shown(job: Job, what: str) -> Iterator[None]:
    """Show a bar on stderr while the job works, on a terminal only."""
    if not sys.stderr.isatty():
        yield
        return
    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None, left="")

        def tick(view: JobView) -> None:
            left = "" if view.eta_s is None else f"{duration(view.eta_s)} left"
            bar.update(task, total=view.total, completed=view.done, left=left)

        job.watch(tick)
        yield


def duration(seconds: float) -> str:
    """Return a time for people.

    Examples
    --------
    >>> duration(8.4), duration(95), duration(7300)
    ('8 s', '1 min 35 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
