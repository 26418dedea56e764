"""Fine-tuning, recorded: what `finetune`, `train` and the page Train do alike.

Belongs here: the order, the one form of its record, the job. Does not belong here:
training (``training``), pictures.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import workbench as wb
from workbench.workflows import orders
from workbench.workflows.accuracies import Asking, raw_and_settled

if TYPE_CHECKING:
    from workbench.data.dataset import Dataset
    from workbench.jobs.job import Job
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork
    from workbench.training.finetune import Tuned
    from workbench.training.loop.fit import FitHooks
    from workbench.training.loop.options import EpochLog

KIND = "finetune"
# Multiply-adds a second of one core in PyTorch's training, a low guess; a step costs
# about three forward passes.
_MACS_PER_S = 6e9
_PASSES = 3


@dataclass(frozen=True, eq=False)
class FinetuneOrder:
    """What to train, on which images, how.

    Parameters
    ----------
    pruned : PrunedNetwork
        Where to start, and which zeros to keep; a method that chooses starts from its
        dense network, whatever the recipe.
    train, val, test : Dataset
        Training images, images scored every epoch, images scored at the end.
    settings : mapping
        Keywords of ``wb.finetune``, JSON-ready; the recipe's block and the defaults
        stand for what is left out.
    method : str
        A method that chooses the zeros while training; "" takes the recipe's.
    params : mapping
        Of that method.
    """

    kind: ClassVar[str] = KIND

    pruned: "PrunedNetwork"
    train: "Dataset"
    val: "Dataset | None"
    test: "Dataset"
    settings: Mapping[str, Any]
    method: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def inputs(self) -> dict[str, Any]:
        """What identifies the training in the store, whoever asks for it."""
        from workbench.training.finetune_options import FinetuneOptions
        from workbench.training.learn import Driven

        network = self.pruned.base if self.method else self.pruned
        recipe = wb.Recipe() if self.method else self.pruned.recipe
        options = FinetuneOptions.of(recipe, self.settings)
        params = dict(self.params)
        if self.method:
            params = Driven.of(self.method, **params).params.model_dump()
        return {
            "model": network.name,
            "digest": network.digest,
            "recipe": recipe.dump(),
            "dataset": self.test.name,
            "split": self.test.split,
            "dataset_digest": self.test.digest,
            "images": len(self.train),
            "settings": asdict(options),
            "method": self.method,
            "params": params,
            "seed": options.seed,
        }

    @property
    def checkpoint(self) -> Path:
        """The file of this workspace that a stopped training continues from."""
        from workbench.store.run import run_key

        folder = wb.Store().folder / "checkpoints"
        return Path(folder / f"{run_key(KIND, self.inputs)[:16]}.ckpt")

    @property
    def estimate_s(self) -> float:
        """Seconds on a quiet core, roughly."""
        epochs = int(self.inputs["settings"]["epochs"])
        return training_s(self.pruned, len(self.train) * epochs)


def training_s(network: "Network | PrunedNetwork", images: int) -> float:
    """Return about how long a training takes on a quiet core.

    Parameters
    ----------
    network : Network or PrunedNetwork
    images : int
        Of all epochs together.
    """
    macs = sum(layer.macs for layer in network.layers)
    return 2 + _PASSES * macs * images / _MACS_PER_S


def done_before(order: FinetuneOrder) -> "tuple[EpochLog, ...]":
    """Return the epochs that the order's checkpoint holds, () without one."""
    from workbench.training.loop.checkpoint import Checkpoint

    path = order.checkpoint
    return Checkpoint.load(path).history if path.exists() else ()


def run_finetune(
    job: "Job", order: FinetuneOrder, asking: Asking | None = None
) -> dict[str, Any]:
    """Train inside a job; each epoch is a row as soon as it is over.

    Returns
    -------
    dict
        ``run``, ``results`` and the tuned ``network``.
    """
    from workbench.training.loop.fit import FitHooks

    order.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    for log in done_before(order):
        job.advance(asdict(log), cells=0)
    hooks = FitHooks(
        after_batch=job.on_round,
        after_epoch=lambda log: job.advance(asdict(log), cells=0),
    )
    tuned = train(order, checkpoint=order.checkpoint, hooks=hooks)
    results = results_of(order, tuned, asking or Asking())
    run = orders.keep(order, results)
    return {"run": run, "results": results, "network": tuned.network}


def train(
    order: FinetuneOrder, *, checkpoint: Path | None, hooks: "FitHooks"
) -> "Tuned":
    """Return the network trained as the order says, with its history."""
    from workbench.training.finetune import tune
    from workbench.training.learn import Driven, learn_logged

    message = {
        "val": order.val,
        "checkpoint": checkpoint,
        "hooks": hooks,
        **order.settings,
    }
    if not order.method:
        return tune(order.pruned, order.train, **message)
    how = Driven.of(order.method, **order.params)
    return learn_logged(order.pruned.base, order.train, how=how, **message)


def results_of(
    order: FinetuneOrder, tuned: "Tuned", asking: Asking | None = None
) -> dict[str, Any]:
    """Return the record of a training: its history, accuracies and costs."""
    asking = asking or Asking()
    network, cost = tuned.network, wb.layer_costs(tuned.network)
    untrained: dict[str, Any] = {"raw": None}
    if not order.method:
        untrained = dict(raw_and_settled(order.pruned, order.test, order.train, asking))
    return {
        "history": [asdict(log) for log in tuned.history],
        "dense": asdict(asking.evaluate(order.pruned.base, order.test)),
        **untrained,
        "tuned": asdict(asking.evaluate(network, order.test)),
        "cost": {"sparsity": cost.sparsity, "nonzeros": cost.nonzeros},
        "network": network.digest,
    }
