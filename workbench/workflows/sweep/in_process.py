"""A sensitivity sweep in a process of its own, for a page that must stay quick.

Belongs here: what is sent to the child and what it opens there. Does not belong here:
the sweep (``run``), processes (``jobs/process``).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from workbench.analysis.sensitivity.rows import Sweep
from workbench.errors import WorkbenchError
from workbench.jobs.job import Job
from workbench.jobs.process import in_process
from workbench.store.store import Store
from workbench.workflows.sweep.order import SweepOrder
from workbench.workflows.sweep.run import run_sweep


def sweep_in_process(
    order: SweepOrder, workspace: str | Path | None = None
) -> Callable[[Job], object]:
    """Return work for ``Registry.start``; the job's result is the ``Sweep``.

    Parameters
    ----------
    order : SweepOrder
        What is asked.
    workspace : str, Path or None
        Folder of the store that records each cell; None takes the default one.

    Raises
    ------
    WorkbenchError
        The network cannot be sent to another process.
    """
    folder = None if workspace is None else str(workspace)
    return in_process(_recorded, order, folder, torch.get_num_threads())


def _recorded(
    job: Job, order: SweepOrder, workspace: str | None, threads: int
) -> Sweep:
    # Sums of other numbers of threads round otherwise.
    torch.set_num_threads(threads)
    store = Store(workspace)
    try:
        return run_sweep(job, order, store=store)
    finally:
        store.close()


def sweep_apart(job: Job, order: SweepOrder) -> object:
    """Sweep in a process of its own, or here where the network cannot be sent there.

    A network whose code came with an upload is such a one.
    """
    try:
        work = sweep_in_process(order)
    except WorkbenchError:
        return run_sweep(job, order, store=Store())
    return work(job)
