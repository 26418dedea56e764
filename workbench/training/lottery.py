"""Lottery tickets: prune, rewind, retrain, in rounds, against random weights.

Belongs here: the rounds. Does not belong here: rewinding (``rewind.py``), training
with masks (``finetune.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from workbench.analysis.accuracy import Accuracy, evaluate
from workbench.data.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.models.given import require_network
from workbench.models.network import Network
from workbench.pruning.prune import prune
from workbench.pruning.pruned import PrunedNetwork
from workbench.pruning.recipe.recipe import Recipe
from workbench.training.finetune import tune
from workbench.training.loop.fit import FitHooks
from workbench.training.masks.rewind import Snapshot, rewound
from workbench.training.scratch import fresh, train_logged


@dataclass(frozen=True)
class LotteryPlan:
    """How the rounds go.

    Parameters
    ----------
    rounds : int
        Rounds of pruning, 1 or more.
    rate : float
        Share of the remaining weights that each round removes, 0 < rate < 1.
    rewind : int
        Step of the first training that surviving weights go back to; 0 is the
        initialisation.
    scope : str
        Of magnitude pruning: "layer" or "global".
    control : bool
        Whether the same masks are also trained from other random weights.
    """

    rounds: int = 5
    rate: float = 0.5
    rewind: int = 0
    scope: str = "layer"
    control: bool = True

    def __post_init__(self) -> None:
        if self.rounds < 1 or not 0 < self.rate < 1 or self.rewind < 0:
            raise WorkbenchError(
                f"{self.rounds} rounds of rate {self.rate:g}, rewinding to step "
                f"{self.rewind}",
                "1 round or more, a rate between 0 and 1, step 0 or later",
                "Try 5 rounds of 0.5 and step 0.",
            )

    def recipe(self, round_number: int) -> Recipe:
        """Return what a round prunes: sparsity 1 - (1 - rate)^round.

        Examples
        --------
        >>> LotteryPlan(rate=0.5).recipe(3).layers[0].params.sparsity
        0.875
        """
        sparsity = 1 - (1 - self.rate) ** round_number
        return Recipe.uniform("magnitude", sparsity, scope=self.scope)


@dataclass(frozen=True, eq=False)
class LotteryRound:
    """One round.

    Parameters
    ----------
    number : int
        0 is the dense network.
    sparsity : float
        Zeros over weights of all layers.
    start : PrunedNetwork or Network
        The ticket before training: masks, and rewound weights.
    ticket : PrunedNetwork or Network
        The ticket, trained.
    accuracy : Accuracy
        Of the trained ticket on the validation images.
    control : Accuracy or None
        Of the same masks, trained from other random weights.
    """

    number: int
    sparsity: float
    start: PrunedNetwork | Network
    ticket: PrunedNetwork | Network
    accuracy: Accuracy
    control: Accuracy | None


def lottery(
    network: Network,
    data: Dataset,
    val: Dataset,
    *,
    plan: LotteryPlan | None = None,
    checkpoint: Path | None = None,
    **settings: Any,
) -> Iterator[LotteryRound]:
    """Yield the dense round and every round of pruning, as they are done.

    Parameters
    ----------
    network : Network
        Untrained: its weights are the initialisation (``fresh(network)``).
    data, val : Dataset
        Training images, and images to score the rounds with.
    plan : LotteryPlan, optional
        Rounds, rate, rewinding.
    checkpoint : Path, optional
        One file a training beside it; finished trainings are not repeated.
    **settings
        Of every training: epochs, lr and so on (``FinetuneOptions``), and ``hooks``.

    Source
    ------
    Frankle and Carbin, "The Lottery Ticket Hypothesis", 2019, section 1 (iterative
    pruning) and section 2 (random reinitialisation).
    """
    require_network(network)
    plan = plan or LotteryPlan()
    seed = int(settings.get("seed", 0))
    hooks: FitHooks = settings.pop("hooks", None) or FitHooks()
    snapshot = Snapshot(plan.rewind)
    first = train_logged(
        network,
        data,
        checkpoint=_file(checkpoint, "dense"),
        hooks=replace(hooks, techniques=(snapshot, *hooks.techniques)),
        **settings,
    )
    earlier = _require(snapshot, plan)
    score = evaluate(first.network, val)
    yield LotteryRound(0, 0.0, network, first.network, score, score)
    trained = first.network
    for number in range(1, plan.rounds + 1):
        found = prune(trained, plan.recipe(number))
        pruned = replace(found, base=network)
        start = rewound(pruned, earlier)
        ticket = tune(
            start,
            data,
            checkpoint=_file(checkpoint, f"ticket{number}"),
            hooks=hooks,
            **settings,
        ).network
        yield LotteryRound(
            number,
            pruned.report.sparsity,
            start,
            ticket,
            evaluate(ticket, val),
            _control(
                pruned,
                (data, val),
                plan=plan,
                checkpoint=_file(checkpoint, f"control{number}"),
                settings={**settings, "seed": seed, "hooks": hooks},
            ),
        )
        trained = replace(network, module=ticket.module)


def _control(
    pruned: PrunedNetwork,
    splits: tuple[Dataset, Dataset],
    *,
    plan: LotteryPlan,
    checkpoint: Path | None,
    settings: dict[str, Any],
) -> Accuracy | None:
    """Return the accuracy of the masks on other random weights, trained alike."""
    if not plan.control:
        return None
    data, val = splits
    other = fresh(pruned.base, seed=settings["seed"] + 1)
    start = rewound(pruned, other.module.state_dict())
    return evaluate(tune(start, data, checkpoint=checkpoint, **settings).network, val)


def _require(snapshot: Snapshot, plan: LotteryPlan) -> dict[str, Tensor]:
    if not snapshot.taken:
        raise WorkbenchError(
            f"rewinding to step {plan.rewind}",
            "a step that the first training reaches",
            "Train longer, or rewind to an earlier step.",
        )
    return snapshot.taken


def _file(checkpoint: Path | None, name: str) -> Path | None:
    if checkpoint is None:
        return None
    return checkpoint.with_name(f"{checkpoint.name}.{name}")
