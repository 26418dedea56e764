"""Fine-tuning for the page Train: one job an order, resumable, its result kept.

Belongs here: the order, the job, checkpoint files, tuned networks of a session. Does
not belong here: training (``training``), pictures (``components.tuning_results``).
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

import workbench as wb
from workbench.ui.services import data
from workbench.ui.services.accuracy import accuracy
from workbench.ui.services.settled import settle
from workbench.ui.services.trial import settled_part

if TYPE_CHECKING:
    from workbench.data.dataset import Dataset
    from workbench.jobs.job import Job
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork
    from workbench.store.run import Run
    from workbench.training.finetune import Tuned
    from workbench.training.loop.fit import FitHooks
    from workbench.training.loop.options import EpochLog

KIND = "finetune"
_KEPT = "tuned_networks"
# Multiply-adds a second of one core in PyTorch's training, a low guess; a step costs
# about three forward passes.
_MACS_PER_S = 6e9
_PASSES = 3


@dataclass(frozen=True)
class FinetuneChoice:
    """What the form says: settings, how many images, which method with parameters."""

    settings: dict[str, Any]
    images: int
    method: str = ""
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class FinetuneOrder:
    """What to train, on which images, how.

    Parameters
    ----------
    pruned : PrunedNetwork
        Where to start, and which zeros to keep.
    train, val, test : Dataset
        Training images, images scored every epoch, images scored at the end.
    settings : dict
        Keywords of ``wb.finetune``, JSON-ready.
    method : str
        A method that chooses the zeros while training; "" takes the recipe's.
    params : dict
        Of that method.
    """

    pruned: "PrunedNetwork"
    train: "Dataset"
    val: "Dataset | None"
    test: "Dataset"
    settings: dict[str, Any]
    method: str = ""
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def inputs(self) -> dict[str, Any]:
        """What identifies the training in the store."""
        return {
            "model": self.pruned.name,
            "digest": self.pruned.digest,
            "recipe": self.pruned.recipe.dump(),
            "dataset": self.test.name,
            "images": len(self.train),
            "settings": self.settings,
            "method": self.method,
            "params": self.params,
        }

    @property
    def checkpoint(self) -> Path:
        """The file that a stopped training continues from."""
        from workbench.store.run import run_key

        folder = wb.Store().folder / "checkpoints"
        return Path(folder / f"{run_key(KIND, self.inputs)[:16]}.ckpt")

    @property
    def estimate_s(self) -> float:
        """Seconds on a quiet core, roughly."""
        macs = sum(layer.macs for layer in self.pruned.layers)
        images = len(self.train) * int(self.settings["epochs"])
        return 2 + _PASSES * macs * images / _MACS_PER_S


def order_of(pruned: "PrunedNetwork", choice: FinetuneChoice) -> FinetuneOrder:
    """Return the training of a pruned network with the shell's data.

    Raises
    ------
    WorkbenchError
        The images are not on this machine.
    """
    train = data.load(pruned, "train")
    return FinetuneOrder(
        pruned=pruned,
        train=train if choice.images >= len(train) else train.take(choice.images),
        val=data.load(pruned, "val"),
        test=data.current(pruned),
        settings=choice.settings,
        method=choice.method,
        params=choice.params,
    )


def done_before(order: FinetuneOrder) -> "tuple[EpochLog, ...]":
    """Return the epochs that the order's checkpoint holds, () without one."""
    from workbench.training.loop.checkpoint import Checkpoint

    path = order.checkpoint
    return Checkpoint.load(path).history if path.exists() else ()


def start(order: FinetuneOrder) -> str:
    """Start or continue a training in the background; return the job's id.

    Raises
    ------
    WorkbenchError
        Too many jobs are running.
    """
    from workbench.jobs.registry import registry

    job = registry().start(
        lambda job: run_tuning(job, order), spec={"kind": KIND, "inputs": order.inputs}
    )
    return job.id


def start_over(order: FinetuneOrder) -> str:
    """Forget the order's checkpoint, then start."""
    order.checkpoint.unlink(missing_ok=True)
    return start(order)


def run_tuning(job: "Job", order: FinetuneOrder) -> dict[str, Any]:
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
    tuned = _train(order, hooks)
    network = tuned.network
    cost = wb.layer_costs(network)
    results = {
        "history": [asdict(log) for log in tuned.history],
        "dense": asdict(accuracy(order.pruned.base, order.test)),
        **_untrained(order),
        "tuned": asdict(accuracy(network, order.test)),
        "cost": {"sparsity": cost.sparsity, "nonzeros": cost.nonzeros},
        "network": network.digest,
    }
    run = wb.Store().add_run(KIND, inputs=order.inputs, results=results)
    return {"run": run.id, "results": results, "network": network}


def _untrained(order: FinetuneOrder) -> dict[str, Any]:
    """Return the accuracy without training: raw, and settled where that is another."""
    if order.method:
        return {"raw": None}
    found = settle(order.pruned, order.train, order.pruned.recipe.seed)
    part = settled_part(found, accuracy(found.network, order.test))
    return {"raw": asdict(accuracy(order.pruned, order.test)), "bn": part}


def _train(order: FinetuneOrder, hooks: "FitHooks") -> "Tuned":
    """Return the network trained as the order says, with its history."""
    from workbench.training.finetune import tune
    from workbench.training.learn import Driven, learn_logged

    shown = {
        "val": order.val,
        "checkpoint": order.checkpoint,
        "hooks": hooks,
        **order.settings,
    }
    if not order.method:
        return tune(order.pruned, order.train, **shown)
    how = Driven.of(order.method, **order.params)
    return learn_logged(order.pruned.base, order.train, how=how, **shown)


def recorded(order: FinetuneOrder) -> "Run | None":
    """Return the newest finished training of the same order, if there is one."""
    found: Run | None = wb.Store().newest(KIND, order.inputs)
    return found


def keep(network: "PrunedNetwork") -> None:
    """Remember the newest trained network of its dense one, for this visitor."""
    kept = st.session_state.get(_KEPT, {})
    st.session_state[_KEPT] = {**kept, network.base.digest: network}


def tuned_of(network: "Network") -> "PrunedNetwork | None":
    """Return the newest network that this visitor trained from a dense one."""
    found: PrunedNetwork | None = st.session_state.get(_KEPT, {}).get(network.digest)
    return found
