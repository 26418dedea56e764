"""Sensitivity sweeps for their page: the order, the job, what is known already.

Belongs here: turning controls into an order and rows into tables. Does not belong
here: evaluating cells (``analysis``), recording them (``workflows.sweep.run``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

import workbench as wb
from workbench.errors import WorkbenchError
from workbench.ui.services import data, recipes
from workbench.workflows import orders

if TYPE_CHECKING:
    from workbench.analysis.sensitivity.rows import Base, Sweep
    from workbench.jobs.job import Job
    from workbench.models.network import Network
    from workbench.workflows.sweep.order import SweepOrder

Row = dict[str, Any]


def order_of(
    network: "Network",
    methods: Sequence[str],
    sparsities: Sequence[float],
    *,
    images: int,
    latency: Any,
    stop_drop: float | None,
) -> "SweepOrder":
    """Return the sweep that the controls describe, on validation images.

    Raises
    ------
    WorkbenchError
        No images on this machine, or an empty grid.
    """
    from workbench.analysis.sensitivity.grid import SweepOptions
    from workbench.workflows.sweep.order import SweepOrder

    images_in_all = data.load(network, "val")
    options = SweepOptions(
        images=min(images, len(images_in_all)),
        latency=latency,
        stop_drop=stop_drop,
        seed=recipes.seed(),
    )
    return SweepOrder(
        network, images_in_all, tuple(methods), tuple(sparsities), options
    )


def start(order: "SweepOrder") -> str:
    """Start a sweep in the background; cells known from before are not repeated.

    It runs in a process of its own, so that pages stay quick and Cancel always works; a
    network that cannot be sent there (an upload with code of its own) in a thread.

    Raises
    ------
    WorkbenchError
        Too many jobs are running.
    """
    return orders.start(order, _run, **_asked(order))


def _run(job: "Job", order: "SweepOrder") -> object:
    from workbench.workflows.sweep.in_process import sweep_in_process
    from workbench.workflows.sweep.run import run_sweep

    try:
        work = sweep_in_process(order)
    except WorkbenchError:
        return run_sweep(job, order, store=wb.Store())
    return work(job)


def spec_of(order: "SweepOrder") -> dict[str, Any]:
    """Return what tells two sweeps apart on the page."""
    return orders.spec_of(order, **_asked(order))


def _asked(order: "SweepOrder") -> dict[str, Any]:
    return {"methods": list(order.methods), "sparsities": list(order.sparsities)}


@dataclass(frozen=True)
class Known:
    """What earlier sweeps found of a grid: rows, dense numbers, whether it is whole."""

    rows: tuple[Row, ...]
    base: "Base | None"
    whole: bool


def known(order: "SweepOrder") -> Known:
    """Return the cells of this grid that earlier sweeps answered or gave up."""
    from workbench.store.run import run_key
    from workbench.workflows.sweep.order import KIND
    from workbench.workflows.sweep.record import known_rows

    store = wb.Store()
    found, base = known_rows(store, order.inputs)
    asked = [
        f"{curve.subject} {curve.method} {level:g}"
        for curve in order.curves
        for level in curve.sparsities
    ]
    cells = {key: row.to_dict() for key, row in found.items()}
    whole = False
    for run in store.runs(key=run_key(KIND, order.inputs), limit=50):
        if run.status == "done" and _same_grid(run.results, order):
            cells = {**dict(store.rows(run.id)), **cells}
            whole = True
    return Known(tuple(cells[key] for key in asked if key in cells), base, whole)


def _same_grid(results: Mapping[str, Any], order: "SweepOrder") -> bool:
    return (results.get("methods"), results.get("sparsities")) == (
        list(order.methods),
        list(order.sparsities),
    )


def sweep_of(order: "SweepOrder", rows: Sequence[Row], base: "Base") -> "Sweep":
    """Return rows of a page as the value that plans are made from."""
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


def table(sweep: "Sweep") -> pd.DataFrame:
    """Return one row a cell with what people compare, gains against the dense network.

    Columns: layer, method, sparsity, reached, top1, drop_points, low, high, n,
    weights_removed, macs, layer_ms, network_ms, saved_ms, loss_per_ms, state.
    """
    base_ms = sweep.base.network_ms
    rows = []
    for row in sweep.rows:
        saved = None
        if base_ms is not None and row.network_ms is not None:
            saved = base_ms - row.network_ms
        drop = 100 * sweep.drop(row)
        rows.append(
            {
                "layer": row.subject,
                "method": row.method,
                "sparsity": row.sparsity,
                "reached": row.reached,
                "top1": row.top1,
                "drop_points": drop,
                "low": row.low,
                "high": row.high,
                "n": row.n,
                "weights_removed": row.weights_removed,
                "macs": row.macs,
                "layer_ms": row.layer_ms,
                "network_ms": row.network_ms,
                "saved_ms": saved,
                "loss_per_ms": None if not saved or saved <= 0 else drop / saved,
                "state": "nothing removed" if row.removed_nothing else "measured",
            }
        )
    for one in sweep.skipped:
        rows.append({**asdict(one), "layer": one.subject, "state": one.reason})
    columns = ["layer", "method", "sparsity", "drop_points", "state"]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)


def use_cell(layer: str, method: str, sparsity: float) -> None:
    """Make a cell's rule part of the recipe in force."""
    from workbench.analysis.sensitivity.grid import parse_method
    from workbench.pruning.recipe.rule import method_named

    name, params = parse_method(method)
    reached = method_named(name).at_sparsity(sparsity)
    recipes.push(
        recipes.with_rule(recipes.current(), layer, name, **{**reached, **params})
    )


def images_choice() -> tuple[int, ...]:
    """Return the sizes of subsets that the page offers."""
    return (200, 500, 1000, 5000)


def latency_choice() -> tuple[str, ...]:
    """Return the ways to find a cell's time, fastest first."""
    from workbench.analysis.sensitivity.grid import LATENCIES

    return LATENCIES
