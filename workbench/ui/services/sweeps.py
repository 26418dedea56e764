"""Sensitivity sweeps for their page: the order that the controls describe, the table.

Belongs here: turning controls into an order and rows into tables. Does not belong
here: evaluating cells (``analysis``), running and finding them (``workflows.sweep``).
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pandas as pd

from workbench.ui.services import data, recipes
from workbench.workflows import orders

if TYPE_CHECKING:
    from workbench.analysis.sensitivity.rows import Sweep
    from workbench.models.network import Network
    from workbench.workflows.sweep.order import SweepOrder


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
    from workbench.workflows.sweep.in_process import sweep_apart

    return orders.start(order, sweep_apart, **_asked(order))


def spec_of(order: "SweepOrder") -> dict[str, Any]:
    """Return what tells two sweeps apart on the page."""
    return orders.spec_of(order, **_asked(order))


def _asked(order: "SweepOrder") -> dict[str, Any]:
    return {"methods": list(order.methods), "sparsities": list(order.sparsities)}


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
