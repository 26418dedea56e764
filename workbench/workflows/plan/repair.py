"""The rounds of one start: a plan, its proof, and what that teaches the next plan.

Belongs here: pruning, evaluating, timing and tuning one plan, and what to try next.
Does not belong here: what a round teaches in numbers (``planner/corrections``), the
cells around a plan (``planner/context``), several starts (``verify``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from workbench.analysis.cost.complexity import layer_costs
from workbench.analysis.planner.common_threshold import common_plan
from workbench.analysis.planner.context import around
from workbench.analysis.planner.corrections import (
    corrected,
    cost_in,
    learnt,
    next_degradation,
)
from workbench.analysis.planner.degradation import TOGETHER, outlook, unit_of
from workbench.analysis.planner.planner import (
    Budget,
    Prediction,
    PruningPlan,
    make_plan,
    predict,
)
from workbench.analysis.sensitivity.change import compare
from workbench.analysis.sensitivity.rows import Sweep
from workbench.analysis.sensitivity.suffix import Runner
from workbench.errors import WorkbenchError
from workbench.measure.bars import OURS_DENSE, OURS_PRUNED
from workbench.measure.bench import bench
from workbench.pruning.prune import prune
from workbench.pruning.pruned import PrunedNetwork
from workbench.pruning.recipe.recipe import Recipe
from workbench.training.batchnorm import reestimate_bn
from workbench.training.finetune import finetune
from workbench.training.loop.fit import FitHooks
from workbench.workflows.plan.round import Proof, Round, best_round, keeps

Check = Callable[[], None]

RESCALED = 2
"""Repairs that only correct sums, before cells are looked at again."""

COUNTED = 6
"""Plans tried until the counts of their masks keep a budget of MACs or bytes."""

TUNED_ON, TUNED_AT, SETTLED_ON = 4000, 0.02, 2000
"""Images and rate of the short fine-tuning; images of batch-norm statistics."""

_LEAST = 1e-6


class Repair:
    """Return the rounds of one start: what to prove next, and how.

    Parameters
    ----------
    sweep : Sweep
        The cells that plans are chosen from.
    budget : Budget
        What to keep to.
    proof : Proof
        How plans are checked.
    check : callable
        Called often; may raise to stop.
    """

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
        self._degradation: float | None = None
        self._around: Recipe | None = None
        images, options = proof.data, proof.options
        self._images = images if options.images is None else images.take(options.images)
        runner = Runner(proof.network.module, self._images, options.batch)
        self._dense = list(runner({}, check))

    def next_plan(self) -> PruningPlan | None:
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
        if predicted.degradation and actual.degradation and len(one.plan.rows) > 1:
            self._together *= max(actual.degradation / predicted.degradation, _LEAST)
        given = [
            (max(r.actual.degradation or 0.0, 0.0), r.actual.drop, r.actual.loss or 0.0)
            for r in self.found
        ]
        self._seen = learnt(self._alone, given)
        if self._budget.max_drop is None:
            self._asked = corrected(self._budget, self._summed(one.plan), actual)
            return
        points = [point[:2] for point in given]
        self._degradation = next_degradation(self._seen, self._budget.max_drop, points)

    def prove(self, made: PruningPlan) -> Prediction:
        """Prune, evaluate on the sweep's images, and time dense and pruned in turns."""
        proof = self._proof
        pruned = prune(proof.network, made.recipe, proof.options.calibration)
        if proof.settle is not None:
            pruned = reestimate_bn(pruned, proof.settle)
        costs = layer_costs(pruned)
        nothing = Prediction(0.0, None, None, costs.macs, costs.sparse_bytes)
        found = self._evaluated(pruned, nothing)
        limited = self._budget.max_drop is not None
        untimed = self._sweep.base.network_ms is None
        if untimed or (limited and not keeps(self._budget, found)):
            return found
        return replace(found, ms=self._measured(pruned))

    def tuned(self, one: Round) -> Round:
        """Return a round with what a short fine-tuning makes of its plan."""
        proof = self._proof
        if proof.settle is None:
            return one
        pruned = prune(proof.network, one.plan.recipe, proof.options.calibration)
        better = finetune(
            reestimate_bn(pruned, proof.settle),
            proof.settle.take(min(TUNED_ON, len(proof.settle))),
            hooks=FitHooks(after_batch=lambda done, total: self._check()),
            epochs=proof.tune_epochs,
            lr=TUNED_AT,
            bn_images=SETTLED_ON,
        )
        return replace(one, tuned=self._evaluated(better, one.actual))

    def _evaluated(self, pruned: PrunedNetwork, found: Prediction) -> Prediction:
        """Return ``found`` with what the sweep's images say of a network."""
        base = self._sweep.base
        runner = Runner(pruned.module, self._images, self._proof.options.batch)
        classes = len(self._images.classes)
        runs = runner({}, self._check)
        accuracy, change = compare(self._dense, runs, runner.labels, classes)
        drop, rise = base.top1 - accuracy.top1, accuracy.loss - base.loss
        degradation = {"divergence": change.kl, "loss": rise, "top1": drop}[self._unit]
        return replace(
            found,
            drop=drop,
            loss=rise if self._sweep.has_loss else None,
            degradation=degradation,
        )

    def _plan(self) -> PruningPlan:
        """Return a plan whose counts are those of its masks, and are kept."""
        asked = self._asked
        for _ in range(COUNTED):
            made = self._chosen(asked)
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

    def _chosen(self, asked: Budget) -> PruningPlan:
        """Return the plan of a budget, before its masks are counted."""
        return make_plan(
            self._cells,
            asked,
            together=self._together,
            most_degradation=self._degradation,
            seen=self._seen,
        )

    def _new_plan(self) -> PruningPlan | None:
        try:
            made = self._plan()
        except WorkbenchError:
            return None
        proved = any(one.plan.recipe == made.recipe for one in self.found)
        return None if proved else made

    def _summed(self, made: PruningPlan) -> Prediction:
        """Return a plan's prediction with sums in place of counts."""
        return predict(self._cells, made.rows, seen=self._seen)

    def _look_around(self, best: PruningPlan) -> None:
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
        actual = next(r.actual for r in self.found if r.plan is best).degradation
        there = [known.get(row.key, row) for row in best.rows]
        shown = predict(self._cells, there, together=1.0, seen=self._seen).degradation
        if actual and shown:
            self._together = actual / shown

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


class CommonRepair(Repair):
    """Return the rounds of global magnitude: one threshold, moved until it fits."""

    def next_plan(self) -> PruningPlan | None:
        """Return a plan that was not proved before, None if there is none."""
        return self._new_plan()

    def _chosen(self, asked: Budget) -> PruningPlan:
        return common_plan(
            self._cells,
            self._proof.network,
            asked,
            together=self._together,
            seen=self._seen,
        )

    def _summed(self, made: PruningPlan) -> Prediction:
        return made.predicted
