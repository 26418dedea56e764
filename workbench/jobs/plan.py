"""A plan proved: pruned, evaluated, measured, and repaired where the sum was wrong.

Belongs here: the rounds. Does not belong here: choosing (``analysis/planner``), what
a round teaches (``analysis/planner_repair``) and the cells around a plan
(``analysis/planner_context``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from workbench.analysis.complexity import layer_costs
from workbench.analysis.planner import Budget, Plan, Prediction, make_plan, predict
from workbench.analysis.planner_context import around
from workbench.analysis.planner_harm import TOGETHER, outlook, unit_of
from workbench.analysis.planner_repair import corrected, cost_in, learnt, next_harm
from workbench.analysis.planner_starts import starts
from workbench.analysis.sensitivity_change import compare
from workbench.analysis.sensitivity_grid import SweepOptions
from workbench.analysis.sensitivity_rows import Sweep
from workbench.analysis.sensitivity_suffix import Runner
from workbench.data.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.measure.bench import OURS_DENSE, OURS_PRUNED, bench
from workbench.models.network import Network
from workbench.pruning.prune import prune
from workbench.pruning.pruned import PrunedNetwork
from workbench.pruning.recipe import Recipe
from workbench.training.batchnorm import reestimate_bn

Check = Callable[[], None]
ROUNDS = 3
"""Repairs at most unless told otherwise."""

RESCALED = 2
"""Repairs that only correct sums, before cells are looked at again."""

COUNTED = 6
"""Plans tried until the counts of their masks keep a budget of MACs or bytes."""

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
        Found by pruning, evaluating and measuring; a plan that loses more than it may
        is not timed.
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
    settle : Dataset or None
        Training images: every plan gets batch-norm statistics of 2,000 of these before
        it is evaluated, as it would before it is used or tuned. None: none.
    """

    network: Network
    data: Dataset
    options: SweepOptions
    seconds: float = 4.0
    settle: Dataset | None = None


def verify_plan(
    sweep: Sweep,
    budget: Budget,
    proof: Proof,
    *,
    rounds: int = ROUNDS,
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
        Repairs at most, of each start (``planner_starts``). The first ones scale what
        was predicted by what came out; then, or where that changes nothing, the cells
        around the best plan are looked at again with the rest of the plan in place.
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
    for cells in starts(sweep, budget):
        repair = _Repair(cells, budget, proof, check)
        for _ in range(rounds + 1):
            made = repair.next_plan()
            if made is None:
                break
            actual = repair.prove(made)
            found.append(Round(len(found), made, actual, keeps(budget, actual)))
            repair.learn(found[-1])
            on_round(found[-1])
    return tuple(found)


def best_round(rounds: list[Round] | tuple[Round, ...]) -> Round:
    """Return the round that keeps the budget and loses least, or comes nearest."""
    budget = rounds[0].plan.budget

    def rank(one: Round) -> tuple[bool, float]:
        if budget.max_drop is not None and one.kept:
            return False, cost_in(one.actual, budget)
        if budget.max_drop is not None:
            return True, one.actual.drop
        if one.kept:
            return False, one.actual.loss if one.actual.loss is not None else 1e9
        return True, cost_in(one.actual, budget)

    return min(rounds, key=rank)


def keeps(budget: Budget, actual: Prediction) -> bool:
    """Return whether what was found is within the budget."""
    if budget.max_drop is not None:
        return actual.drop <= budget.max_drop + _LEAST
    limit = budget.limit or 0.0
    spread = _SPREAD if budget.unit == "ms" else 0.0
    return cost_in(actual, budget) <= limit * (1 + spread)


class _Repair:
    """What is known between rounds."""

    def __init__(
        self, sweep: Sweep, budget: Budget, proof: Proof, check: Check
    ) -> None:
        self.found: list[Round] = []
        self._sweep, self._budget, self._proof = sweep, budget, proof
        self._check = check
        self._cells, self._alone = sweep, outlook(sweep)
        self._seen = self._alone
        self._unit = unit_of(sweep)
        self._together, self._asked = TOGETHER, budget
        self._harm: float | None = None
        self._around: Recipe | None = None
        images, options = proof.data, proof.options
        self._images = images if options.images is None else images.take(options.images)
        runner = Runner(proof.network.module, self._images, options.batch)
        self._dense = list(runner({}, check))

    def next_plan(self) -> Plan | None:
        """Return a plan that was not proved before, None if there is none."""
        if not self.found:
            return self._plan()
        made = self._new_plan() if len(self.found) <= RESCALED else None
        best = best_round(self.found).plan
        if made is None and self._around != best.recipe and best.rows:
            self._look_around(best)
            made = self._new_plan()
        return made

    def learn(self, one: Round) -> None:
        """Keep a round, and correct what the next plan asks for."""
        self.found.append(one)
        predicted, actual = one.plan.predicted, one.actual
        if predicted.harm and actual.harm and len(one.plan.rows) > 1:
            self._together *= max(actual.harm / predicted.harm, _LEAST)
        given = [
            (max(r.actual.harm or 0.0, 0.0), r.actual.drop, r.actual.loss or 0.0)
            for r in self.found
        ]
        self._seen = learnt(self._alone, given)
        if self._budget.max_drop is None:
            self._asked = corrected(self._budget, self._summed(one.plan), actual)
            return
        points = [point[:2] for point in given]
        self._harm = next_harm(self._seen, self._budget.max_drop, points)

    def prove(self, made: Plan) -> Prediction:
        """Prune, evaluate on the sweep's images, and time dense and pruned in turns."""
        proof, base, check = self._proof, self._sweep.base, self._check
        pruned = prune(proof.network, made.recipe, proof.options.calibration)
        settled = pruned
        if proof.settle is not None:
            settled = reestimate_bn(pruned, proof.settle)
        runner = Runner(settled.module, self._images, proof.options.batch)
        classes = len(self._images.classes)
        runs = runner({}, check)
        accuracy, change = compare(self._dense, runs, runner.labels, classes)
        costs = layer_costs(pruned)
        drop, rise = base.top1 - accuracy.top1, accuracy.loss - base.loss
        harm = {"divergence": change.kl, "loss": rise, "top1": drop}[self._unit]
        found = Prediction(
            drop=drop,
            loss=rise if self._sweep.has_loss else None,
            ms=None,
            macs=costs.macs,
            bytes=costs.sparse_bytes,
            harm=harm,
        )
        limited = self._budget.max_drop is not None
        if base.network_ms is None or (limited and not keeps(self._budget, found)):
            return found
        return replace(found, ms=self._measured(settled))

    def _plan(self) -> Plan:
        """Return a plan whose counts are those of its masks, and are kept."""
        asked = self._asked
        for _ in range(COUNTED):
            made = make_plan(
                self._cells,
                asked,
                together=self._together,
                most_harm=self._harm,
                seen=self._seen,
            )
            summed = made.predicted
            pruned = prune(
                self._proof.network, made.recipe, self._proof.options.calibration
            )
            costs = layer_costs(pruned)
            counted = replace(summed, macs=costs.macs, bytes=costs.sparse_bytes)
            made = replace(made, budget=self._budget, predicted=counted)
            limit = self._budget.limit
            if limit is None or asked.limit is None or self._budget.unit == "ms":
                break
            over = cost_in(counted, asked) - limit
            if over <= 0:
                break
            asked = replace(asked, limit=max(asked.limit - over, 1.0))
        return made

    def _new_plan(self) -> Plan | None:
        try:
            made = self._plan()
        except WorkbenchError:
            return None
        proved = any(one.plan.recipe == made.recipe for one in self.found)
        return None if proved else made

    def _summed(self, made: Plan) -> Prediction:
        """Return a plan's prediction with sums in place of counts."""
        return predict(self._cells, made.rows, seen=self._seen)

    def _look_around(self, best: Plan) -> None:
        """Take the cells around a plan as they are there."""
        proof = self._proof
        near = around(
            proof.network,
            proof.data,
            self._sweep,
            best,
            options=proof.options,
            check=self._check,
        )
        known = {row.key: row for row in near.rows}
        rows = tuple(known.get(row.key, row) for row in self._sweep.rows)
        self._cells, self._around = replace(self._sweep, rows=rows), best.recipe
        actual = next(r.actual for r in self.found if r.plan is best).harm
        there = [known.get(row.key, row) for row in best.rows]
        told = predict(self._cells, there, together=1.0, seen=self._seen).harm
        if actual and told:
            self._together = actual / told

    def _measured(self, pruned: PrunedNetwork) -> float | None:
        """Return the time of a pruned network in units of the sweep's."""
        proof, base = self._proof, self._sweep.base
        measured = bench(
            proof.network,
            pruned,
            threads=proof.options.threads,
            against=(),
            budget_s=proof.seconds,
            on_round=lambda done, total: self._check(),
        )
        ours = measured.row(OURS_PRUNED).spread
        dense = measured.row(OURS_DENSE).spread
        if ours is None:
            return None
        if dense is None or not base.measured_ms:
            return float(ours.median_ms)
        # The machine may be faster or slower today than during the sweep.
        return float(ours.median_ms * base.measured_ms / dense.median_ms)


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
