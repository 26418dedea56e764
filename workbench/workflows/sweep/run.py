"""A sensitivity sweep inside a job; the public ``sensitivity``.

Belongs here: evaluating what is not known and recording each cell as it comes. Does
not belong here: evaluating a cell (``analysis/sensitivity``), where that is done
(``executors``), what is known (``record``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from workbench.analysis.sensitivity.grid import SPARSITIES, Curve, SweepOptions
from workbench.analysis.sensitivity.rows import Sweep, require_rows
from workbench.data.dataset import Dataset
from workbench.defect import in_short
from workbench.errors import WorkbenchError
from workbench.jobs.job import Job, JobCancelled
from workbench.models.given import require_network
from workbench.models.network import Network
from workbench.store.store import Store
from workbench.workflows.sweep.choose import executor_named
from workbench.workflows.sweep.executors import LocalExecutor, SweepExecutor
from workbench.workflows.sweep.order import SweepOrder
from workbench.workflows.sweep.record import SweepRecord, cell_fields


def run_sweep(
    job: Job,
    order: SweepOrder,
    *,
    store: Store | None = None,
    executor: SweepExecutor | None = None,
    resume: bool = True,
) -> Sweep:
    """Do a sweep inside a job; each cell is recorded as soon as it is known.

    Cells that an earlier run of the store answered under the same conditions are taken
    over, so that a cancelled or killed sweep goes on where it was.

    Parameters
    ----------
    job : Job
        Gets a row a cell: the fields of ``SweepRow``, or of ``Skipped``.
    order : SweepOrder
        What is asked.
    store : Store or None
        Where cells are recorded; None keeps them in memory only.
    executor : SweepExecutor or None
        Where cells are evaluated; None takes this thread.
    resume : bool
        False evaluates every cell again.
    """
    curves = order.curves
    job.set_total(sum(len(curve.sparsities) for curve in curves))
    record = SweepRecord(store, order, resume=resume)
    try:
        for row in record.known.values():
            if row.key in _keys(curves):
                job.advance(row.to_dict())
        for found in (executor or LocalExecutor()).run(
            order, curves, known=record.known, check=job.check, on_base=record.on_base
        ):
            record.add(found)
            job.advance(cell_fields(found))
    except (JobCancelled, KeyboardInterrupt):
        record.finish("cancelled")
        raise
    except Exception as error:
        shown = str(error) if isinstance(error, WorkbenchError) else in_short(error)
        record.finish("failed", error=shown)
        raise
    sweep = _sorted(record.sweep(order), curves)
    record.finish("done", results=_results(order, sweep))
    return sweep


def sensitivity(
    network: Network,
    data: Dataset,
    *,
    methods: Sequence[str] = ("magnitude",),
    sparsities: Sequence[float] = SPARSITIES,
    options: SweepOptions | None = None,
    workspace: str | Path | None = None,
    workers: int = 1,
) -> Sweep:
    """Return how much each layer loses under each method at each sparsity.

    Parameters
    ----------
    network : Network
        Not changed.
    data : Dataset
        The validation split.
    methods : sequence of str
        Keys of the table of methods, with parameters as "block:n=8".
    sparsities : sequence of float
        0 < sparsity < 1.
    options : SweepOptions or None
        Images, latency, early stop, layers.
    workspace : str, Path or None
        Folder of a store that records each cell, so that the same call after an
        interruption goes on where it was. None keeps nothing.
    workers : int
        Processes of this machine; more than one only where no times are measured.

    Raises
    ------
    WorkbenchError
        The test split, an impossible grid, no cell that any method can do, or several
        workers that would measure times.
    """
    require_network(network)
    order = SweepOrder(
        network, data, tuple(methods), tuple(sparsities), options or SweepOptions()
    )
    store = None if workspace is None else Store(workspace)
    try:
        processes = executor_named("local", workers=workers)
        return run_sweep(Job("sensitivity", {}), order, store=store, executor=processes)
    finally:
        if store is not None:
            store.close()


def _sorted(sweep: Sweep, curves: Sequence[Curve]) -> Sweep:
    """Return the rows that were asked for, in the order of the grid."""
    rank = {key: at for at, key in enumerate(_keys(curves))}
    rows = [row for row in sweep.rows if row.key in rank]
    found = replace(
        sweep,
        rows=tuple(sorted(rows, key=lambda row: rank[row.key])),
        skipped=tuple(sorted(sweep.skipped, key=lambda one: rank[one.key])),
    )
    require_rows(found)
    return found


def _keys(curves: Sequence[Curve]) -> tuple[str, ...]:
    return tuple(
        f"{curve.subject} {curve.method} {level:g}"
        for curve in curves
        for level in curve.sparsities
    )


def _results(order: SweepOrder, sweep: Sweep) -> dict[str, Any]:
    return {
        "methods": list(order.methods),
        "sparsities": list(order.sparsities),
        "rows": len(sweep.rows),
        "skipped": len(sweep.skipped),
        "base": asdict(sweep.base),
    }
