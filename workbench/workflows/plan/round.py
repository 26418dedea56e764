"""A plan proved: what it promised, what it gave, and which of several is best.

Belongs here: the values and their order. Does not belong here: proving (``repair``).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from workbench.analysis.planner.corrections import cost_in
from workbench.analysis.planner.planner import Budget, Prediction, PruningPlan
from workbench.analysis.sensitivity.grid import SweepOptions
from workbench.data.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.models.network import Network

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
    plan : PruningPlan
        Recipe and prediction.
    actual : Prediction
        Found by pruning, evaluating and measuring; a plan that loses more than it may
        is not timed.
    kept : bool
        Whether the budget was kept.
    tuned : Prediction or None
        ``actual`` with the top-1 and loss that a short fine-tuning gave; None for
        plans that were not tuned.
    """

    number: int
    plan: PruningPlan
    actual: Prediction
    kept: bool
    tuned: Prediction | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields."""
        return {
            "round": self.number,
            "recipe": self.plan.recipe.dump(),
            "predicted": asdict(self.plan.predicted),
            "actual": asdict(self.actual),
            "kept": self.kept,
            "tuned": None if self.tuned is None else asdict(self.tuned),
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
    tune_epochs : int
        The best plan of each start that keeps a limit is fine-tuned so long, on
        ``TUNED_ON`` images of ``settle``, and the best of these is chosen. 0: none is.
    """

    network: Network
    data: Dataset
    options: SweepOptions
    seconds: float = 4.0
    settle: Dataset | None = None
    tune_epochs: int = 0

    def __post_init__(self) -> None:
        if self.tune_epochs and self.settle is None:
            raise WorkbenchError(
                f"plans tuned for {self.tune_epochs} epochs without training images",
                "the training split, as settle",
                "Pass settle=dataset_for(network, split='train').",
            )


def best_round(rounds: list[Round] | tuple[Round, ...]) -> Round:
    """Return the round that keeps the budget and loses least, or comes nearest.

    Where some were fine-tuned, the best of these after it.
    """
    budget = rounds[0].plan.budget
    tuned = [one for one in rounds if one.tuned is not None]
    if tuned:
        return min(tuned, key=_loss_when_tuned)

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


def _loss_when_tuned(one: Round) -> float:
    found = one.tuned
    if found is None:
        return float("inf")
    return found.drop if found.loss is None else found.loss
