"""What earlier sweeps found of a grid.

Belongs here: the cells that the store knows, and rows as a sweep. Does not belong here:
keeping them (``record``), evaluating cells (``run``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.analysis.sensitivity.rows import Base, Sweep
    from workbench.workflows.sweep.order import SweepOrder


@dataclass(frozen=True)
class Known:
    """What earlier sweeps found of a grid: rows, dense numbers, whether it is whole."""

    rows: tuple[Mapping[str, Any], ...]
    base: Base | None
    whole: bool


def known_of(order: SweepOrder) -> Known:
    """Return the cells of this grid that earlier sweeps answered or gave up."""
    from workbench.store.run import run_key
    from workbench.store.store import Store
    from workbench.workflows.sweep.order import KIND
    from workbench.workflows.sweep.record import known_rows

    store = Store()
    found, base = known_rows(store, order.inputs)
    asked = [
        f"{curve.subject} {curve.method} {level:g}"
        for curve in order.curves
        for level in curve.sparsities
    ]
    cells: dict[str, Mapping[str, Any]]
    cells = {key: row.to_dict() for key, row in found.items()}
    whole = False
    for run in store.runs(key=run_key(KIND, order.inputs), limit=50):
        if run.status == "done" and _same_grid(run.results, order):
            cells = {**dict(store.rows(run.id)), **cells}
            whole = True
    return Known(tuple(cells[key] for key in asked if key in cells), base, whole)


def _same_grid(results: Mapping[str, Any], order: SweepOrder) -> bool:
    return (results.get("methods"), results.get("sparsities")) == (
        list(order.methods),
        list(order.sparsities),
    )


def sweep_of(order: SweepOrder, rows: Sequence[Mapping[str, Any]], base: Base) -> Sweep:
    """Return rows of a job or a record as the value that plans are made from."""
    from workbench.analysis.sensitivity.rows import Skipped, Sweep, SweepRow

    subset = order.data.take(order.options.images or len(order.data))
    return Sweep(
        model=order.network.name,
        model_digest=order.network.digest,
        data=order.data.name,
        data_digest=subset.digest,
        split=order.data.split,
        latency=order.options.latency,
        base=base,
        rows=tuple(SweepRow.from_dict(row) for row in rows if "reason" not in row),
        skipped=tuple(Skipped(**row) for row in rows if "reason" in row),
    )
