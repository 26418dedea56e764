"""A layer's break-even for Python, for the command line and inside a job.

Belongs here: one method after another, keeping records. Does not belong here:
measuring one (``measure``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from workbench.analysis.sensitivity.grid import Latency
from workbench.errors import WorkbenchError
from workbench.jobs.job import Job
from workbench.models.given import require_network
from workbench.models.network import Network
from workbench.workflows import orders
from workbench.workflows.break_even.curve import BreakEven, BreakEvenCurve
from workbench.workflows.break_even.measure import CannotPruneError, measure_curve
from workbench.workflows.break_even.order import METHODS, SPARSITIES, BreakEvenOrder


def break_even(
    network: Network,
    layer: str,
    *,
    methods: Sequence[str] = METHODS,
    sparsities: Sequence[float] = SPARSITIES,
    threads: int = 1,
    latency: Latency = "measure",
) -> BreakEven:
    """Return the time of a layer against sparsity, and where pruning begins to pay.

    Parameters
    ----------
    network : Network
        Gives the layer's weights and the shape of its input.
    layer : str
        Layer id.
    methods : sequence of str
        Keys of the table of methods. "filter" really removes filters.
    sparsities : sequence of float
        Levels, 0 < sparsity < 1.
    threads : int
        Of the programs.
    latency : "measure" or "model"
        This machine, or the engine's cost model.

    Raises
    ------
    WorkbenchError
        No such layer, an unknown method, or no method that can prune the layer.
    """
    require_network(network)
    levels = tuple(sorted(set(sparsities)))
    return gathered(
        [
            BreakEvenOrder(network, layer, text, levels, threads, latency)
            for text in methods
        ],
        measure_curve,
    )


def gathered(
    asked: Sequence[BreakEvenOrder],
    answer: Callable[[BreakEvenOrder], BreakEvenCurve],
) -> BreakEven:
    """Return the curves of several methods of one layer as one value.

    Raises
    ------
    WorkbenchError
        No order, or no method among them that can prune the layer.
    """
    curves: list[BreakEvenCurve] = []
    refused: list[tuple[str, str]] = []
    for order in asked:
        try:
            curves.append(answer(order))
        except CannotPruneError as error:
            refused.append((order.method, error.found))
    if not curves:
        raise WorkbenchError(
            "; ".join(f"{name}: {reason}" for name, reason in refused) or "no method",
            "at least one method that can prune the layer",
            "Choose among " + ", ".join(METHODS) + ".",
        )
    first = curves[0]
    return BreakEven(
        first.layer,
        median(curve.dense_ms for curve in curves),
        first.dense_kernel,
        first.sparsities,
        tuple(curves),
        tuple(refused),
        first.threads,
    )


def run_break_even(job: Job, order: BreakEvenOrder) -> dict[str, Any]:
    """Do an order inside a job; return the curve JSON-ready, as recorded."""
    results = measure_curve(order, on_round=job.on_round).to_dict()
    orders.keep(order, results)
    return results
