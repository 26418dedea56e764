"""A job's work in a process of its own, for work that holds Python's lock.

``registry().start(in_process(work, *arguments), spec=...)`` runs ``work(job,
*arguments)`` in a child: rows, totals, the result and refusals come back as they would
from a thread. A cancel is asked for first, then enforced: what does not stop by itself
is killed within a second, and what it recorded in a store until then stays there.

Belongs here: starting, relaying, ending. Does not belong here: what the child does
(``child``), the list of jobs (``registry``).
"""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import Any

import workbench
from workbench.defect import Defect
from workbench.errors import WorkbenchError
from workbench.jobs import child
from workbench.jobs.job import Job, JobCancelled

# A cancel is obeyed within a second: asked for politely for this long, then enforced.
_GRACE_S = 0.7
_POLL_S = 0.05


def in_process(work: Callable[..., object], *arguments: Any) -> Callable[[Job], object]:
    """Return work for ``Registry.start`` that runs in a process of its own.

    Parameters
    ----------
    work : callable (Job, *arguments) -> object
        A function of a module, so that the child finds it by name. It reports through
        ``job.advance`` and ``job.set_total`` and calls ``job.check`` as in a thread.
    *arguments
        Sent to the child (pickled), as is the result on the way back.

    Returns
    -------
    callable (Job) -> object
        Raises in the calling thread what the work refused, and ``JobCancelled``.

    Raises
    ------
    WorkbenchError
        The work or an argument cannot be sent to another process.
    """
    try:
        order = pickle.dumps((work, arguments))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise WorkbenchError(
            f"work that cannot be sent to another process ({error})",
            "functions and classes of an importable module",
            "Start it in a thread: registry().start(work, spec=...).",
        ) from error

    return partial(_in_child, order)


def _in_child(order: bytes, job: Job) -> object:
    process, connection = _started(order)
    try:
        return _relay(job, process, connection)
    finally:
        connection.close()
        process.kill()
        process.wait()


def _started(order: bytes) -> tuple[subprocess.Popen[bytes], Connection]:
    """Start the child with one end of a socket pair; send it the order."""
    ours, theirs = socket.socketpair()
    root = str(Path(workbench.__file__).parent.parent)
    path = os.pathsep.join(part for part in (root, *sys.path) if part)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", child.__name__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            # Ctrl-C is for the parent, which ends its children in its own way.
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": path},
        )
    connection = Connection(ours.detach())
    connection.send_bytes(order)
    return process, connection


def _relay(
    job: Job, process: subprocess.Popen[bytes], connection: Connection
) -> object:
    """Pass on what the child says until it has ended; return its result."""
    deadline: float | None = None
    while True:
        if deadline is None and job.cancelled:
            deadline = monotonic() + _GRACE_S
            connection.send(child.CANCEL)
        if deadline is not None and monotonic() > deadline:
            raise JobCancelled(job.id)
        if not connection.poll(_POLL_S):
            continue
        try:
            kind, value = connection.recv()
        except (EOFError, ConnectionError):
            raise _lost(process) from None
        if kind == child.TOTAL:
            job.set_total(value)
        elif kind == child.ROW:
            _advance(job, *value)
        else:
            return _ended(job, kind, value)


def _advance(job: Job, row: Any, cells: int) -> None:
    """Count cells; a cancel is left to the loop, which tells the child first."""
    try:
        job.advance(row, cells=cells)
    except JobCancelled:
        return


def _ended(job: Job, kind: str, value: Any) -> object:
    if kind == child.CANCELLED:
        raise JobCancelled(job.id)
    if kind == child.REFUSED:
        raise WorkbenchError(*value)
    if kind == child.FAILED:
        raise Defect(*value)
    return value


def _lost(process: subprocess.Popen[bytes]) -> WorkbenchError:
    code = process.wait()
    return WorkbenchError(
        f"the job's process ended with {code} before its work was done",
        "a process that lives until its work is done",
        "Start it again: what it recorded is kept. Signal 9 (-9) is often too little "
        "memory.",
    )
