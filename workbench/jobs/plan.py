"""A plan proved: pruned, evaluated, measured, and repaired where the sum was wrong.

Belongs here: the rounds. Does not belong here: choosing (``analysis/planner``) and the
cells around a plan (``analysis/planner_context``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from workbench.analysis.accuracy import evaluate
from workbench.analysis.complexity import layer_costs
from workbench.analysis.planner import Budget, Plan, Prediction, make_plan
from workbench.analysis.planner_context import around
from workbench.analysis.sensitivity_grid import SweepOptions
from workbench.analysis.sensitivity_rows import Sweep
from workbench.data.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.measure.bench import OURS_DENSE, OURS_PRUNED, bench
from workbench.models.network import Network
from workbench.pruning.prune import prune

Check = Callable[[], None]
# A budget counts as kept within the spread of a measured time.
_SPREAD = 0.02
_LEAST = 1e-6


@dataclass(frozen=True)
class Round:
    """One plan with what it promised and what it gave.

    Parameters
    ----------
    number : int
        0 is the plan of the sweep as it stands.
    plan : Plan
        Recipe and prediction.
    actual : Prediction
        Found by pruning, evaluating and measuring.
    kept : bool
        Whether the budget was kept.
    """

    number: int
    plan: Plan
    actual: Prediction
    kept: bool

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields."""
        return {
            "round": self.number,
            "recipe": self.plan.recipe.dump(),
            "predicted": asdict(self.plan.predicted),
            "actual": asdict(self.actual),
            "kept": self.kept,
        }


@dataclass(frozen=True, eq=False)
class Proof:
    """What a plan is checked on.

    Parameters
    ----------
    network : Network
        The network of the sweep.
    data : Dataset
        The sweep's split, the same images by ``options.images``.
    options : SweepOptions
        Images, batch, threads.
    seconds : float
        Spent on timing each plan.
    """

    network: Network
    data: Dataset
    options: SweepOptions
    seconds: float = 4.0


def verify_plan(
    sweep: Sweep,
    budget: Budget,
    proof: Proof,
    *,
    rounds: int = 2,
    check: Check = lambda: None,
    on_round: Callable[[Round], None] = lambda found: None,
) -> tuple[Round, ...]:
    """Return the rounds of planning, proving and repairing; ``best_round`` picks one.

    Parameters
    ----------
    sweep : Sweep
        Of the same network and images.
    budget : Budget
        What to keep to.
    proof : Proof
        How plans are checked.
    rounds : int
        Repairs at most: each looks at the cells around the best plan so far and plans
        again, with the budget corrected by what came out.
    check : callable
        Called often; may raise to stop.
    on_round : callable
        Gets each round as it is known.

    Raises
    ------
    WorkbenchError
        The sweep is of another network or other images, or the budget is out of reach.
    """
    _require_same(sweep, proof)
    found: list[Round] = []
    cells, asked = sweep, budget
    for number in range(rounds + 1):
        try:
            made = make_plan(cells, asked)
        except WorkbenchError:
            if not found:
                raise
            break
        if any(one.plan.recipe == made.recipe for one in found):
            break
        actual = _actual(sweep, made, proof, check)
        found.append(Round(number, made, actual, keeps(budget, actual)))
        on_round(found[-1])
        if number == rounds:
            break
        best = best_round(found)
        cells = _merged(sweep, best.plan, proof, check)
        asked = corrected(budget, asked, found[-1])
    return tuple(found)


def best_round(rounds: list[Round] | tuple[Round, ...]) -> Round:
    """Return the round that keeps the budget and loses least, or comes nearest."""
    budget = rounds[0].plan.budget

    def rank(one: Round) -> tuple[bool, float]:
        if budget.max_drop is not None and one.kept:
            saved = _cost(one.actual, budget)
            return False, saved
        if budget.max_drop is not None:
            return True, one.actual.drop
        if one.kept:
            return False, one.actual.loss if one.actual.loss is not None else 1e9
        return True, _cost(one.actual, budget)

    return min(rounds, key=rank)


def keeps(budget: Budget, actual: Prediction) -> bool:
    """Return whether what was found is within the budget."""
    if budget.max_drop is not None:
        return actual.drop <= budget.max_drop + _LEAST
    limit = budget.limit or 0.0
    spread = _SPREAD if budget.unit == "ms" else 0.0
    return _cost(actual, budget) <= limit * (1 + spread)


def corrected(budget: Budget, asked: Budget, last: Round) -> Budget:
    """Return the budget to ask for so that the real one is kept.

    What was asked for is scaled by how far the prediction was off, halfway at least
    and twice at most.
    """
    if budget.max_drop is not None:
        drop = max(last.actual.drop, _LEAST)
        factor = min(2.0, max(0.5, budget.max_drop / drop))
        return replace(asked, max_drop=min(1.0, (asked.max_drop or 0.0) * factor))
    limit, predicted = budget.limit or 0.0, _cost(last.plan.predicted, budget)
    over = _cost(last.actual, budget) - predicted
    return replace(asked, limit=max(limit - over, limit / 2))


def _cost(found: Prediction, budget: Budget) -> float:
    value = getattr(found, budget.unit)
    return float("inf") if value is None else float(value)


def _actual(sweep: Sweep, made: Plan, proof: Proof, check: Check) -> Prediction:
    """Prune, evaluate on the sweep's images, and time dense and pruned in turns."""
    pruned = prune(proof.network, made.recipe, proof.options.calibration)
    images, options = proof.data, proof.options
    subset = images if options.images is None else images.take(options.images)
    accuracy = evaluate(
        pruned,
        subset,
        batch_size=options.batch,
        progress=lambda done, total: check(),
    )
    costs = layer_costs(pruned)
    ms = None
    if sweep.base.network_ms is not None:
        measured = bench(
            proof.network,
            pruned,
            threads=options.threads,
            against=(),
            budget_s=proof.seconds,
            on_round=lambda done, total: check(),
        )
        ms = _in_sweep_units(sweep, measured.row(OURS_PRUNED).spread)
        dense = measured.row(OURS_DENSE).spread
        if ms is not None and dense is not None and sweep.base.measured_ms:
            # The machine may be faster or slower today than during the sweep.
            ms *= sweep.base.measured_ms / dense.median_ms
    return Prediction(
        drop=sweep.base.top1 - accuracy.top1,
        loss=accuracy.loss - sweep.base.loss if sweep.has_loss else None,
        ms=ms,
        macs=costs.macs,
        bytes=costs.sparse_bytes,
    )


def _in_sweep_units(sweep: Sweep, spread: Any) -> float | None:
    return None if spread is None else float(spread.median_ms)


def _merged(sweep: Sweep, made: Plan, proof: Proof, check: Check) -> Sweep:
    """Return the sweep with the cells around the plan as they are there."""
    near = around(
        proof.network,
        proof.data,
        sweep,
        made,
        options=proof.options,
        check=check,
    )
    known = {row.key: row for row in near.rows}
    rows = tuple(known.get(row.key, row) for row in sweep.rows)
    return replace(sweep, rows=rows)


def _require_same(sweep: Sweep, proof: Proof) -> None:
    network = proof.network
    if sweep.model_digest and sweep.model_digest != network.digest:
        raise WorkbenchError(
            f"a sweep of weights {sweep.model_digest[:12]} of '{sweep.model}'",
            f"weights {network.digest[:12]} of '{network.name}'",
            "Sweep this network, or load the weights that were swept.",
        )
    images = proof.options.images
    data = proof.data if images is None else proof.data.take(images)
    if sweep.data_digest and sweep.data_digest != data.digest:
        raise WorkbenchError(
            f"a sweep on {sweep.base.n} images of '{sweep.data}' ({sweep.split})",
            f"the same images; these are {len(data)} of '{data.name}' ({data.split})",
            "Give the data, split and number of images of the sweep.",
        )
