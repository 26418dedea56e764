"""Fine-tuning a pruned network: ``finetune``, of the public API.

Belongs here: from a pruned network to a tuned one, under any schedule of sparsity.
Does not belong here: the loop (``fit.py``) and the techniques (one file each).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.data.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.models.given import require_network
from workbench.pruning.pruned import PrunedNetwork
from workbench.training.batchnorm import reestimate_bn
from workbench.training.finetune_options import FinetuneOptions
from workbench.training.learned.pruned import with_masks
from workbench.training.loop.distill import Distillation
from workbench.training.loop.fit import FitHooks
from workbench.training.loop.options import EpochLog
from workbench.training.masks.admm import Admm
from workbench.training.masks.frozen import FrozenMasks
from workbench.training.masks.growing import GrowingMasks
from workbench.training.masks.ramps import Ramp
from workbench.training.run import run_training


@dataclass(frozen=True, eq=False)
class Tuned:
    """A fine-tuned network and how it went.

    Parameters
    ----------
    network : PrunedNetwork
        The same pruning, with trained weights.
    history : tuple of EpochLog
        One an epoch, those before a resume included.
    """

    network: PrunedNetwork
    history: tuple[EpochLog, ...]


def finetune(
    pruned: PrunedNetwork,
    data: Dataset,
    *,
    val: Dataset | None = None,
    checkpoint: str | Path | None = None,
    hooks: FitHooks | None = None,
    **settings: Any,
) -> PrunedNetwork:
    """Return the pruned network, fine-tuned; every removed weight stays exactly zero.

    Parameters
    ----------
    pruned : PrunedNetwork
        Not changed.
    data : Dataset
        Training images, ``wb.dataset_for(pruned, split="train")``.
    val : Dataset, optional
        Scored after every epoch, for the log; never used to choose weights.
    checkpoint : str or Path, optional
        Written after every epoch; if it exists, the run continues from it, also after
        a kill, to the same final weights.
    hooks : FitHooks, optional
        ``after_batch(done, total)`` between batches (a job's ``on_round``, which also
        cancels), ``after_epoch(log)`` after each checkpoint.
    **settings
        Fields of ``FinetuneOptions``: ``epochs=5``, ``lr=0.01``, ``schedule``,
        ``rates``, ``ema`` and so on. What is left out comes from the recipe's
        ``finetune`` block, then from the defaults.

    Raises
    ------
    WorkbenchError
        The test split is given, a setting is unknown or impossible, the checkpoint
        belongs to another run, the loss is no longer finite, or a removed weight is
        not zero.
    """
    return tune(
        pruned, data, val=val, checkpoint=checkpoint, hooks=hooks, **settings
    ).network


def tune(
    pruned: PrunedNetwork,
    data: Dataset,
    *,
    val: Dataset | None = None,
    checkpoint: str | Path | None = None,
    hooks: FitHooks | None = None,
    **settings: Any,
) -> Tuned:
    """Return what ``finetune`` returns, together with the history of its epochs."""
    require_network(pruned)
    if not isinstance(pruned, PrunedNetwork):
        raise WorkbenchError(
            f"a {type(pruned).__name__} without masks to keep",
            "a PrunedNetwork",
            "Prune it first: workbench.prune(network, recipe). A dense one is trained "
            "by workbench.train, a compressed one by workbench.tune_palette.",
        )
    options = FinetuneOptions.of(pruned.recipe, settings)
    masks = _masks(pruned, options)
    result = run_training(
        (pruned if options.schedule == "one-shot" else pruned.base).module,
        data,
        options.fit_options(data.name),
        val=val,
        checkpoint=checkpoint,
        hooks=hooks,
        techniques=(masks, *_teacher(pruned, options)),
    )
    if options.schedule == "one-shot":
        tuned = pruned.with_module(result.module)
    else:
        tuned = with_masks(
            pruned.base, result.module, found=masks.found, recipe=pruned.recipe
        )
    if options.bn_images:
        tuned = reestimate_bn(tuned, data, images=options.bn_images, seed=options.seed)
    return Tuned(tuned, result.history)


def _masks(pruned: PrunedNetwork, options: FinetuneOptions) -> FrozenMasks:
    """Return the technique of the schedule."""
    if options.schedule == "one-shot":
        return FrozenMasks.of(pruned)
    if options.schedule == "admm":
        return Admm(pruned.base, pruned.recipe)
    ramp = Ramp(options.schedule, rounds=options.rounds)
    return GrowingMasks(pruned.base, pruned.recipe, ramp)


def _teacher(
    pruned: PrunedNetwork, options: FinetuneOptions
) -> tuple[Distillation, ...]:
    if not options.distill:
        return ()
    module = pruned.base.module
    return (Distillation(module, options.distill, options.temperature),)
