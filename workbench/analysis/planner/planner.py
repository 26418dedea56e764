"""From a sweep to a recipe: which method and sparsity for which layer, under a budget.

A multiple-choice knapsack: at most one cell for each layer, each with a degradation
(how far the network's scores move) and a saving (ms, MACs or bytes), both taken as
additive over layers but for one factor. It is solved exactly, by mixed-integer
programming. Additivity is a model: verify a plan (``workflows.plan``): it measures and
repairs it.

Source: Dudzinski & Walukiewicz 1987, the multiple-choice knapsack; HiGHS (Huangfu &
Hall 2018) through ``scipy.optimize.milp``.

Belongs here: budgets, choices, the recipe. Does not belong here: the cells' numbers
(``sensitivity``), what they cost in accuracy (``degradation``), the solver's matrices
(``planner_solve``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from workbench.analysis.planner.degradation import (
    TOGETHER,
    Outlook,
    degradations,
    outlook,
)
from workbench.analysis.planner.knapsack import Item, solve
from workbench.analysis.sensitivity.grid import parse_method
from workbench.analysis.sensitivity.rows import Sweep, SweepRow, require_rows
from workbench.errors import WorkbenchError
from workbench.pruning.recipe.recipe import Recipe
from workbench.pruning.recipe.rule import Rule, method_named

Unit = Literal["ms", "macs", "bytes"]
_LIMITS: Mapping[str, Unit] = MappingProxyType(
    {"latency_ms": "ms", "macs": "macs", "bytes": "bytes"}
)


@dataclass(frozen=True)
class Budget:
    """What a plan must keep to: a cost in one unit, or a drop of accuracy.

    Parameters
    ----------
    unit : "ms", "macs" or "bytes"
        What is limited, or, with a drop, what becomes as small as possible.
    limit : float or None
        The network's time, MACs or bytes at most; None with a drop.
    max_drop : float or None
        How much top-1 may fall, 0..1; None with a limit.
    """

    unit: Unit
    limit: float | None = None
    max_drop: float | None = None


@dataclass(frozen=True)
class Prediction:
    """What a plan is expected to give, or what it was found to give.

    Parameters
    ----------
    drop : float
        Fall of top-1, 0..1.
    loss : float or None
        Rise of the loss.
    ms : float or None
        Time of the whole program.
    macs, bytes : float
        Theoretical MACs and sparsely stored bytes of the network.
    degradation : float or None
        Mean divergence of the scores from the dense network's, nats; the rise of the
        loss or the fall of top-1 where a sweep knows no divergence.
    """

    drop: float
    loss: float | None
    ms: float | None
    macs: float
    bytes: float
    degradation: float | None = None


@dataclass(frozen=True)
class PruningPlan:
    """A recipe and what it rests on.

    Parameters
    ----------
    recipe : Recipe
        One rule for each chosen cell.
    rows : tuple of SweepRow
        The chosen cells.
    budget : Budget
        What it keeps to.
    predicted : Prediction
        Sums over the cells.
    """

    recipe: Recipe
    rows: tuple[SweepRow, ...]
    budget: Budget
    predicted: Prediction


def plan(
    sweep: Sweep,
    *,
    latency_ms: float | None = None,
    macs: float | None = None,
    bytes: float | None = None,
    max_drop: float | None = None,
) -> Recipe:
    """Return the recipe that loses least within a budget, or is fastest within a drop.

    Parameters
    ----------
    sweep : Sweep
        From ``sensitivity``.
    latency_ms, macs, bytes : float, optional
        The network's time, MACs or bytes at most. Give exactly one of the four.
    max_drop : float, optional
        How much top-1 may fall, 0..1; the result is the fastest such recipe, by ms
        where the sweep measured it, else by MACs.

    Raises
    ------
    WorkbenchError
        None or several of the four, or a budget that no combination meets; says
        which is the least that can be reached.
    """
    wanted = budget_of(
        sweep, latency_ms=latency_ms, macs=macs, bytes=bytes, max_drop=max_drop
    )
    return make_plan(sweep, wanted).recipe


def budget_of(sweep: Sweep, **limits: float | None) -> Budget:
    """Return the budget of the arguments of ``plan``."""
    given = {name: value for name, value in limits.items() if value is not None}
    if len(given) != 1:
        raise WorkbenchError(
            f"{len(given)} budgets ({', '.join(given) or 'none'})",
            "exactly one of latency_ms, macs, bytes, max_drop",
            "Give one.",
        )
    ((name, value),) = given.items()
    if name != "max_drop":
        if not value > 0:
            raise WorkbenchError(f"{name}={value:g}", "a number above 0", "Raise it.")
        return Budget(_LIMITS[name], limit=value)
    if not 0 <= value <= 1:
        raise WorkbenchError(
            f"max_drop={value:g}", "a share, 0..1", "Write 0.01 for one point."
        )
    timed = sweep.base.network_ms is not None
    return Budget("ms" if timed else "macs", max_drop=value)


def make_plan(
    sweep: Sweep,
    budget: Budget,
    *,
    seed: int = 0,
    together: float = TOGETHER,
    most_degradation: float | None = None,
    seen: Outlook | None = None,
) -> PruningPlan:
    """Return the plan of a budget with what it predicts.

    Parameters
    ----------
    sweep : Sweep
        From ``sensitivity``.
    budget : Budget
        What to keep to.
    seed : int
        Of the recipe.
    together : float
        Degradation of a plan over the sum of its cells' degradations.
    most_degradation : float, optional
        Of the plan, in place of what the sweep says of ``budget.max_drop``.
    seen : Outlook, optional
        What degradation does, in place of what these cells say.

    Raises
    ------
    WorkbenchError
        As ``plan``.
    """
    require_rows(sweep)
    _require_counts(sweep)
    rows = usable(sweep, budget.unit)
    total, degradation = base_cost(sweep, budget.unit), degradations(sweep)
    items = [
        Item(
            row.layers,
            degradation[row.key],
            total - (cost_of(sweep, row, budget.unit) or total),
        )
        for row in rows
    ]
    if budget.limit is not None:
        chosen = solve(items, least_saving=total - budget.limit)
        if chosen is None:
            raise _out_of_reach(items, budget, total)
    else:
        if most_degradation is None:
            most_degradation = (seen or outlook(sweep)).degradation_within(
                budget.max_drop or 0.0
            )
        chosen = solve(items, most_cost=most_degradation / together)
    picked = tuple(rows[at] for at in chosen or ())
    made = recipe_of(sweep.model, picked, seed=seed)
    shown = predict(sweep, picked, together=together, seen=seen)
    return PruningPlan(made, picked, budget, shown)


def usable(sweep: Sweep, unit: Unit) -> list[SweepRow]:
    """Return the rows a plan may choose: something was removed, and it saves.

    A cell whose loss is no number has diverged, unless no cell has a loss at all.
    """
    total = base_cost(sweep, unit)
    diverges = sweep.has_loss
    found = []
    for row in sweep.rows:
        cost = cost_of(sweep, row, unit)
        if row.removed_nothing or cost is None or cost >= total:
            continue
        if diverges and row.loss is None:
            continue
        found.append(row)
    return found


def base_cost(sweep: Sweep, unit: Unit) -> float:
    """Return the dense network's cost in a unit.

    Raises
    ------
    WorkbenchError
        The sweep did not look at time.
    """
    base = sweep.base
    if unit == "macs":
        return float(base.macs)
    if unit == "bytes":
        return float(base.bytes)
    found = base.measured_ms or base.network_ms
    if found is None:
        raise WorkbenchError(
            "a sweep without latency",
            "the time of each cell, for a budget in ms",
            "Name the network (--model) to time the cells, sweep again with --latency "
            "measure, or plan for MACs or bytes.",
        )
    return found


def cost_of(sweep: Sweep, row: SweepRow, unit: Unit) -> float | None:
    """Return the network's cost with one cell pruned; None if it is not known."""
    if unit == "macs":
        return float(row.macs)
    if unit == "bytes":
        return float(row.bytes)
    if row.network_ms is None or sweep.base.network_ms is None:
        return None
    return base_cost(sweep, "ms") - (sweep.base.network_ms - row.network_ms)


def predict(
    sweep: Sweep,
    rows: Sequence[SweepRow],
    *,
    together: float = TOGETHER,
    seen: Outlook | None = None,
) -> Prediction:
    """Return what several cells at once are expected to give; see ``make_plan``.

    Savings are summed. Harms are summed and multiplied by ``together``, unless there is
    one only; top-1 and loss are those of cells of that degradation.
    """

    def left(unit: Unit) -> float:
        total = base_cost(sweep, unit)
        return total - sum(total - (cost_of(sweep, row, unit) or total) for row in rows)

    timed = sweep.base.network_ms is not None
    known, seen = degradations(sweep), seen or outlook(sweep)
    degradation = sum(known[row.key] for row in rows) * (
        together if len(rows) > 1 else 1.0
    )
    return Prediction(
        drop=min(seen.drop_at(degradation), sweep.base.top1),
        loss=seen.loss_at(degradation),
        ms=left("ms") if timed else None,
        macs=left("macs"),
        bytes=left("bytes"),
        degradation=degradation,
    )


def recipe_of(model: str, rows: Sequence[SweepRow], *, seed: int = 0) -> Recipe:
    """Return the recipe of chosen cells, one rule each."""
    rules = []
    for row in rows:
        name, params = parse_method(row.method)
        reached = method_named(name).at_sparsity(row.sparsity)
        rules.append(Rule.of(row.subject, name, **{**reached, **params}))
    return Recipe(model=model, seed=seed, layers=tuple(rules))


def _require_counts(sweep: Sweep) -> None:
    bare = sum(not row.counted for row in sweep.rows)
    if bare:
        raise WorkbenchError(
            f"{bare} of {len(sweep.rows)} rows without weights_removed, macs and bytes",
            "what each cell removes, as our own sweeps say it",
            "Name the network (--model): they are counted on it, and timed on it for "
            "a budget in ms.",
        )


def _out_of_reach(
    items: Sequence[Item], budget: Budget, total: float
) -> WorkbenchError:
    best = solve(items, most_cost=float("inf")) or ()
    least = total - sum(items[at].saving for at in best)
    return WorkbenchError(
        f"a budget of {budget.limit:g} {budget.unit}",
        f"{least:.6g} {budget.unit} or more, the least that these cells reach "
        f"({total:.6g} dense)",
        "Raise the budget, or sweep higher sparsities and more methods.",
    )
