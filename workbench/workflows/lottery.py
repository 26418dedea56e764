"""Lottery tickets, recorded: train, prune, rewind, train again, as a job.

Belongs here: the order, the job and the one form of its record. Does not belong here:
the rounds (``training.lottery``), drawing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import workbench as wb
from workbench.workflows import orders
from workbench.workflows.finetune import training_s

if TYPE_CHECKING:
    from workbench.data.dataset import Dataset
    from workbench.jobs.job import Job
    from workbench.models.network import Network
    from workbench.training.lottery import LotteryPlan, LotteryRound

KIND = "lottery"


@dataclass(frozen=True, eq=False)
class LotteryOrder:
    """Which network, on which images, in which rounds.

    Parameters
    ----------
    network : Network
        Whose architecture is trained.
    train, val : Dataset
        Training images, and images that score the rounds.
    plan : LotteryPlan
        The rounds.
    settings : mapping
        Of every training, JSON-ready; "seed" also draws the first weights.
    fresh : bool
        Start from new random weights; False starts from the network's own.
    """

    kind: ClassVar[str] = KIND

    network: "Network"
    train: "Dataset"
    val: "Dataset"
    plan: "LotteryPlan"
    settings: Mapping[str, Any]
    fresh: bool = True

    @property
    def inputs(self) -> dict[str, Any]:
        """What identifies the rounds in the store, whoever asks for them."""
        from workbench.pruning.recipe.recipe import Recipe
        from workbench.training.finetune_options import FinetuneOptions

        return {
            "model": self.network.name,
            "digest": None if self.fresh else self.network.digest,
            "dataset": self.val.name,
            "split": self.val.split,
            "images": len(self.train),
            "settings": asdict(FinetuneOptions.of(Recipe(), self.settings)),
            "method": KIND,
            "params": asdict(self.plan),
        }

    @property
    def trainings(self) -> int:
        """How many trainings the rounds are, the dense one included."""
        return 1 + self.plan.rounds * (2 if self.plan.control else 1)

    @property
    def estimate_s(self) -> float:
        """Seconds on a quiet core, roughly."""
        epochs = int(self.inputs["settings"]["epochs"])
        each = training_s(self.network, len(self.train) * epochs)
        return self.trainings * each


def run_lottery(job: "Job", order: LotteryOrder) -> dict[str, Any]:
    """Do the rounds inside a job; each round is a row as soon as it is over."""
    job.set_total(order.trainings)
    rows = []
    for row in rounds(order, on_batch=lambda done, total: job.check()):
        rows.append(row)
        job.advance(row, cells=1 if row["control"] is None else 2)
    results = {"rounds": rows}
    orders.keep(order, results)
    return results


def rounds(
    order: LotteryOrder,
    *,
    checkpoint: Path | None = None,
    on_batch: Callable[[int, int], None] | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield every round JSON-ready, as soon as it is over.

    Parameters
    ----------
    order : LotteryOrder
        What is asked.
    checkpoint : Path or None
        As in ``wb.lottery``.
    on_batch : callable (done, total) or None
        Called between batches; may raise to stop.
    """
    from workbench.training.loop.fit import FitHooks

    network = order.network
    if order.fresh:
        network = wb.fresh(network, seed=int(order.inputs["settings"]["seed"]))
    hooks = FitHooks() if on_batch is None else FitHooks(after_batch=on_batch)
    for one in wb.lottery(
        network,
        order.train,
        order.val,
        plan=order.plan,
        checkpoint=checkpoint,
        hooks=hooks,
        **order.settings,
    ):
        yield row_of(one)


def row_of(one: "LotteryRound") -> dict[str, Any]:
    """Return a round as JSON."""
    return {
        "round": one.number,
        "sparsity": one.sparsity,
        "ticket": asdict(one.accuracy),
        "control": None if one.control is None else asdict(one.control),
        "digest": one.ticket.digest,
    }
