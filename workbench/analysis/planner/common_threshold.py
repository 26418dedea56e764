"""One threshold for all layers: global magnitude as a plan under a limit.

The plainest plan of all, and after training often a good one. What it costs is read
between the cells of each layer, since its sparsities lie between those of the sweep.

Belongs here: the sparsity that reaches a limit, and its prediction. Does not belong
here: choosing cell by cell (``planner``), proving (``workflows.plan.verify``).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from workbench.analysis.cost.complexity import layer_costs
from workbench.analysis.planner.degradation import Outlook, degradations
from workbench.analysis.planner.planner import (
    Budget,
    Prediction,
    PruningPlan,
    base_cost,
    cost_of,
    usable,
)
from workbench.analysis.sensitivity.rows import Sweep, SweepRow
from workbench.errors import WorkbenchError
from workbench.models.network import Network
from workbench.pruning.prune import prune
from workbench.pruning.recipe.recipe import Recipe

METHOD = "magnitude"
# Beyond it the floor of each layer is in the way.
_MOST = 0.98
_HALVINGS = 8


def common_plan(
    sweep: Sweep, network: Network, asked: Budget, *, together: float, seen: Outlook
) -> PruningPlan:
    """Return global magnitude with the lowest sparsity that is predicted to fit.

    Parameters
    ----------
    sweep : Sweep
        With cells of ``METHOD``.
    network : Network
        The network of the sweep.
    asked : Budget
        With a limit.
    together, seen
        As for ``planner.predict``.

    Raises
    ------
    WorkbenchError
        No sparsity up to 98 % is predicted to keep the limit, or no cell is of
        ``METHOD``.
    """
    curves = {
        subject: [row for row in usable(sweep, asked.unit) if _is_of(row, subject)]
        for subject in sweep.subjects
    }
    limit = asked.limit or 0.0
    best: PruningPlan | None = None
    low, high = 0.0, _MOST
    sparsity = _MOST
    for _ in range(_HALVINGS):
        recipe = Recipe.uniform(METHOD, round(sparsity, 4), scope="global")
        recipe = recipe.model_copy(update={"model": sweep.model})
        shown = _predicted(sweep, network, recipe, curves, (together, seen))
        if (getattr(shown, asked.unit) or 0.0) <= limit:
            best, high = PruningPlan(recipe, (), asked, shown), sparsity
        elif best is None:
            break
        else:
            low = sparsity
        sparsity = (low + high) / 2
    if best is None or not any(curves.values()):
        raise WorkbenchError(
            f"a budget of {limit:g} {asked.unit}",
            f"what global magnitude reaches at {_MOST:.0%}, by the sweep's cells",
            "Raise the budget, or plan layer by layer.",
        )
    return best


def _predicted(
    sweep: Sweep,
    network: Network,
    recipe: Recipe,
    curves: Mapping[str, list[SweepRow]],
    how: tuple[float, Outlook],
) -> Prediction:
    """Return what a recipe is expected to give, read between the cells."""
    together, seen = how
    costs = layer_costs(prune(network, recipe))
    known = degradations(sweep)
    timed = sweep.base.network_ms is not None
    degradation, saved = 0.0, 0.0
    for layer in costs.layers:
        rows = sorted(curves.get(layer.id, ()), key=lambda row: row.reached)
        if not rows:
            continue
        reached = 1 - layer.nonzeros / layer.weights
        levels = [0.0, *(row.reached for row in rows)]
        degradation += np.interp(
            reached, levels, [0.0, *(known[row.key] for row in rows)]
        )
        if timed:
            total = base_cost(sweep, "ms")
            ms = [total, *(cost_of(sweep, row, "ms") or total for row in rows)]
            saved += total - float(np.interp(reached, levels, ms))
    degradation = float(degradation) * together
    return Prediction(
        drop=min(seen.drop_at(degradation), sweep.base.top1),
        loss=seen.loss_at(degradation),
        ms=base_cost(sweep, "ms") - saved if timed else None,
        macs=costs.macs,
        bytes=costs.sparse_bytes,
        degradation=degradation,
    )


def _is_of(row: SweepRow, subject: str) -> bool:
    return row.method == METHOD and row.subject == subject
