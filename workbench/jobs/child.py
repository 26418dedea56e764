"""The child of a job in a process of its own: ``python -m workbench.jobs.child FD``.

The parent sends one message, (function, arguments), and later perhaps CANCEL; this
process answers with messages of its own: totals, rows, and how the work ended. When the
parent is gone, so is the reason to work: the process ends.

Belongs here: the child's main function and the words of both. Does not belong here:
starting and ending it (``process``).
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any

from workbench.defect import Defect, explained
from workbench.jobs.job import Job, JobCancelled

logger = logging.getLogger(__name__)

CANCEL = "cancel"
ROW, TOTAL, RESULT, CANCELLED, REFUSED, FAILED = (
    "row",
    "total",
    "result",
    "cancelled",
    "refused",
    "failed",
)


class RelayedJob(Job):
    """Return a job whose progress also goes to the parent process.

    Parameters
    ----------
    connection : Connection
        To the parent.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__("child", {})
        self._connection = connection

    def set_total(self, total: int) -> None:
        """Say how many cells there are, here and to the parent."""
        super().set_total(total)
        self._connection.send((TOTAL, total))

    def advance(self, row: Any = None, *, cells: int = 1) -> None:
        """Count cells, here and at the parent, and check for cancel."""
        self._connection.send((ROW, (row, cells)))
        super().advance(None, cells=cells)


def main(descriptor: int) -> None:
    """Do the work that comes in over a connected socket and answer over it."""
    connection = Connection(descriptor)
    work, arguments = connection.recv()
    job = RelayedJob(connection)
    threading.Thread(target=_listen, args=(connection, job), daemon=True).start()
    try:
        answer: tuple[str, Any] = RESULT, work(job, *arguments)
    except JobCancelled:
        answer = CANCELLED, None
    except Exception as error:
        shown = explained(error, f"{work.__module__}.{work.__qualname__}")
        answer = REFUSED, (shown.found, shown.expected, shown.next_step)
        if isinstance(shown, Defect):
            logger.warning("the work of a job failed", exc_info=True)
            answer = FAILED, (shown.found, shown.report)
    connection.send(answer)


def _listen(connection: Connection, job: Job) -> None:
    """Take the parent's word for a cancel, and its silence for the end."""
    try:
        while connection.recv() != CANCEL:
            continue
    except (EOFError, OSError):
        os._exit(1)
    job.cancel()
    _listen(connection, job)


if __name__ == "__main__":
    main(int(sys.argv[1]))
