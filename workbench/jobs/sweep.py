"""A sensitivity sweep as a job: recorded cell by cell, resumed by key, anywhere run.

Belongs here: the order, its record in the store and the public ``sensitivity``. Does
not belong here: evaluating a cell (``analysis/sensitivity``) and where workers live
(``executors``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import workbench
from workbench.analysis.sensitivity.grid import (
    SPARSITIES,
    Curve,
    SweepOptions,
    grid,
    needs_images,
)
from workbench.analysis.sensitivity.rows import (
    Base,
    Skipped,
    Sweep,
    SweepRow,
    require_rows,
)
from workbench.analysis.sensitivity.sweeper import Found, suffix_share
from workbench.data.dataset import Dataset
from workbench.defect import in_short
from workbench.errors import WorkbenchError
from workbench.jobs.executors import LocalExecutor, SweepExecutor, executor_named
from workbench.jobs.job import Job, JobCancelled
from workbench.measure.conditions import read_conditions
from workbench.models.given import require_network
from workbench.models.network import Network
from workbench.store.run import run_key
from workbench.store.store import Store

KIND = "sensitivity"
_BASE = "base"
# Multiply-adds a second of one core in PyTorch's dense convolutions, a low guess.
_MACS_PER_S = 2e10
_COMPILE_S = 0.6
_FIXED_S = 4.0


@dataclass(frozen=True, eq=False)
class SweepOrder:
    """What a sweep is asked.

    Parameters
    ----------
    network : Network
        The dense network.
    data : Dataset
        The validation split.
    methods : tuple of str
        Methods, with parameters as "block:n=8".
    sparsities : tuple of float
        Levels, 0 < sparsity < 1.
    options : SweepOptions
        How cells are evaluated.

    Raises
    ------
    WorkbenchError
        An empty or impossible grid, or a criterion that looks at images without
        ``options.calibration``.
    """

    network: Network
    data: Dataset
    methods: tuple[str, ...] = ("magnitude",)
    sparsities: tuple[float, ...] = SPARSITIES
    options: SweepOptions = field(default_factory=SweepOptions)

    def __post_init__(self) -> None:
        images = self.options.calibration
        if images is not None and images.split == "test":
            raise WorkbenchError(
                "the test split as calibration images",
                "training images: what is chosen on test images cannot be tested",
                "Load the data with split='train'.",
            )
        if images is None and needs_images(self.methods):
            raise WorkbenchError(
                f"methods {', '.join(self.methods)} without calibration images",
                "training images for the criteria that look at some",
                "Pass SweepOptions(calibration=...) with the train split.",
            )

    @property
    def curves(self) -> tuple[Curve, ...]:
        """The curves, in the order in which they are evaluated."""
        return grid(
            self.network,
            self.methods,
            self.sparsities,
            layers=self.options.layers,
        )

    @property
    def inputs(self) -> dict[str, Any]:
        """What a cell's numbers depend on; sweeps with equal inputs share cells."""
        options = self.options
        conditions = read_conditions(options.threads)
        seen = options.calibration if needs_images(self.methods) else None
        return {
            **({} if seen is None else {"calibration": seen.digest}),
            "model": self.network.name,
            "digest": self.network.digest,
            "dataset": self.data.name,
            "split": self.data.split,
            "dataset_digest": self.data.digest,
            "images": options.images,
            "batch": options.batch,
            "latency": options.latency,
            "threads": options.threads,
            "seed": options.seed,
            "machine": conditions.machine_digest,
            "versions": {"workbench": workbench.__version__, "torch": _torch_version()},
        }

    def estimate_s(self) -> float:
        """Return about how long the sweep takes on a quiet core, before it starts."""
        images = min(self.options.images or len(self.data), len(self.data))
        macs = sum(layer.macs for layer in self.network.layers)
        compiled = 0.0 if self.options.latency == "none" else _COMPILE_S
        cells = sum(
            (images * macs / _MACS_PER_S * suffix_share(self.network, curve.subject))
            * len(curve.sparsities)
            + compiled * len(curve.sparsities)
            for curve in self.curves
        )
        return _FIXED_S + images * macs / _MACS_PER_S + cells


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
    record = _Record(store, order, resume=resume)
    try:
        for row in record.known.values():
            if row.key in _keys(curves):
                job.advance(row.to_dict())
        for found in (executor or LocalExecutor()).run(
            order, curves, known=record.known, check=job.check, on_base=record.on_base
        ):
            record.add(found)
            job.advance(_to_dict(found))
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


class _Record:
    """What a sweep knows so far, in memory and in the store."""

    def __init__(self, store: Store | None, order: SweepOrder, *, resume: bool) -> None:
        self._store = store
        self._run = ""
        self.base: Base | None = None
        self.known: dict[str, SweepRow] = {}
        self.skipped: dict[str, Skipped] = {}
        if store is None:
            return
        inputs = order.inputs
        if resume:
            self.known, self.base = known_rows(store, inputs)
        self._run = store.start_run(KIND, inputs=inputs)
        store.add_rows(
            self._run, {key: row.to_dict() for key, row in self.known.items()}
        )
        if self.base is not None:
            self.on_base(self.base)

    def on_base(self, base: Base) -> None:
        """Keep the dense network's numbers; the first ones found stay."""
        self.base = self.base or base
        if self._store is not None:
            self._store.add_row(self._run, _BASE, asdict(self.base))

    def add(self, found: Found) -> None:
        """Keep one cell."""
        if isinstance(found, SweepRow):
            self.known[found.key] = found
        else:
            self.skipped[found.key] = found
        if self._store is not None:
            self._store.add_row(self._run, found.key, _to_dict(found))

    def sweep(self, order: SweepOrder) -> Sweep:
        """Return everything known as one value."""
        if self.base is None:
            raise WorkbenchError(
                "a sweep without the dense network's accuracy",
                "an executor that reports it",
                "Report this: it is a defect of the executor.",
            )
        options = order.options
        data = order.data
        subset = data if options.images is None else data.take(options.images)
        return Sweep(
            model=order.network.name,
            model_digest=order.network.digest,
            data=data.name,
            data_digest=subset.digest,
            split=data.split,
            latency=options.latency,
            base=self.base,
            rows=tuple(self.known.values()),
            skipped=tuple(self.skipped.values()),
        )

    def finish(
        self,
        status: Any,
        *,
        results: Mapping[str, Any] | None = None,
        error: str = "",
    ) -> None:
        """Say in the store how the run ended."""
        if self._store is not None:
            self._store.finish(
                self._run, results=results or {}, status=status, error=error
            )


def known_rows(
    store: Store, inputs: Mapping[str, Any]
) -> tuple[dict[str, SweepRow], Base | None]:
    """Return the cells that earlier runs answered under the same conditions."""
    rows: dict[str, SweepRow] = {}
    base: Base | None = None
    for run in reversed(store.runs(key=run_key(KIND, inputs), limit=1000)):
        for key, value in store.rows(run.id).items():
            if key == _BASE:
                base = base or Base(**value)
            elif "reason" not in value:
                rows[key] = SweepRow.from_dict(value)
    return rows, base


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


def _to_dict(found: Found) -> dict[str, Any]:
    return found.to_dict() if isinstance(found, SweepRow) else asdict(found)


def _torch_version() -> str:
    import torch

    return str(torch.__version__)
