"""The training run: one function for first training and for fine-tuning.

Belongs here: epochs, validation, checkpoints, resuming. Does not belong here: the step
(``epoch.py``), what methods add to it (``technique.py`` and its siblings), schedules
and augmentation (one file each).
"""

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from workbench.data.dataset import Dataset
from workbench.models.digest import digest_state
from workbench.models.pickle_guard import BROKEN_FILE_ERRORS
from workbench.training.loop.checkpoint import Checkpoint, Identity, unusable
from workbench.training.loop.ema import MovingAverage
from workbench.training.loop.epoch import (
    AfterBatch,
    Trainee,
    autocast,
    make_optimizer,
    run_epoch,
)
from workbench.training.loop.options import EpochLog, FitOptions
from workbench.training.loop.processes import team
from workbench.training.loop.technique import Technique
from workbench.writing import WriteError

_EVAL_BATCH = 500


def warn_unsaved(error: WriteError) -> None:
    """Say that a training has no checkpoint, where nobody else does."""
    warnings.warn(f"no checkpoint: {error}", RuntimeWarning, stacklevel=3)


@dataclass(frozen=True)
class FitHooks:
    """Callbacks of a training run; each may raise to stop it.

    Parameters
    ----------
    after_step : callable or None
        Called with the network in training after every optimizer step.
    after_epoch : callable or None
        Called with the EpochLog once the epoch's checkpoint is on disk, if it can be.
    after_batch : callable or None
        Called with (batches done, batches of the whole run) between batches; a job's
        ``on_round`` fits and cancels the run.
    techniques : tuple of Technique
        What a training method adds; they act in this order, and finish in the
        opposite one, so that masks have the last word. One object a run.
    unsaved : callable
        Called with the error when a checkpoint cannot be written. The training goes
        on: what it has learned is worth more than its record.
    """

    after_step: Callable[[nn.Module], None] | None = None
    after_epoch: Callable[[EpochLog], None] | None = None
    after_batch: AfterBatch | None = None
    techniques: tuple[Technique, ...] = ()
    unsaved: Callable[[WriteError], None] = warn_unsaved


@dataclass(frozen=True, eq=False)
class FitResult:
    """A trained network.

    Parameters
    ----------
    module : nn.Module
        A trained copy in evaluation mode; the module that was passed in is unchanged.
    history : tuple of EpochLog
        One an epoch, those before a resume included.
    """

    module: nn.Module
    history: tuple[EpochLog, ...]


def fit(
    module: nn.Module,
    train: Dataset,
    *,
    options: FitOptions,
    val: Dataset | None = None,
    checkpoint: Path | None = None,
    hooks: FitHooks | None = None,
) -> FitResult:
    """Return a trained copy of a network.

    The same module, data and options give the same weights on the same machine and
    thread count, whether or not the run was interrupted and resumed. Under
    ``torchrun``, once ``torch.distributed`` is initialised, the processes share each
    batch and end with the same weights.

    Parameters
    ----------
    module : nn.Module
        Where to start; not changed.
    train : Dataset
        Training images.
    options : FitOptions
        How to train.
    val : Dataset, optional
        Scored after every epoch; never used to choose weights.
    checkpoint : Path, optional
        Written after every epoch; if it exists, the run continues from it.
    hooks : FitHooks, optional
        Callbacks, and what a training method adds.

    Raises
    ------
    WorkbenchError
        If the checkpoint belongs to another run, or the loss is no longer finite.
    """
    hooks = hooks or FitHooks()
    average = (MovingAverage(options.ema),) if options.ema else ()
    techniques = (*hooks.techniques, *average)
    identity = Identity(
        train.digest,
        digest_state(module.state_dict()),
        tuple(technique.identity for technique in techniques),
    )
    trainee = _trainee(module, options, hooks, techniques)
    history = _resumed(trainee, checkpoint, identity)
    for epoch in range(len(history) + 1, options.epochs + 1):
        log = run_epoch(trainee, train, epoch)
        result = _finished(trainee)
        for technique in techniques:
            log.remarks.update(technique.after_epoch(result))
        if val is not None:
            log = replace(log, val_top1=top1(result, val, options))
        history = (*history, log)
        if checkpoint is not None and trainee.team.leads:
            try:
                _checkpoint(trainee, identity, history).save(checkpoint)
            except WriteError as error:
                hooks.unsaved(error)
        trainee.team.wait()
        if hooks.after_epoch is not None:
            hooks.after_epoch(log)
    work = _finished(trainee)
    work = work.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return FitResult(work.eval(), history)


def top1(module: nn.Module, data: Dataset, options: FitOptions) -> float:
    """Return the share of images classified correctly, 0..1, in evaluation mode."""
    module.eval()
    correct = 0
    with torch.inference_mode(), autocast(options):
        for images, labels in data.batches(_EVAL_BATCH):
            correct += int((module(images).argmax(1) == labels).sum())
    return correct / len(data)


def _trainee(
    module: nn.Module,
    options: FitOptions,
    hooks: FitHooks,
    techniques: tuple[Technique, ...],
) -> Trainee:
    """Return a copy of the network, made ready to train."""
    work = copy.deepcopy(module)
    if options.channels_last:
        work = work.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for technique in techniques:
        technique.prepare(work)
    together = team()
    return Trainee(
        work,
        together.wrap(work),
        make_optimizer(work, options, techniques),
        options,
        techniques,
        together,
        hooks.after_batch,
        hooks.after_step,
    )


def _finished(trainee: Trainee) -> nn.Module:
    """Return the network as it would be returned now: itself, or a finished copy."""
    if not trainee.techniques:
        return trainee.module
    result = copy.deepcopy(trainee.module)
    for technique in reversed(trainee.techniques):
        technique.finish(result)
    return result


def _checkpoint(
    trainee: Trainee, identity: Identity, history: tuple[EpochLog, ...]
) -> Checkpoint:
    return Checkpoint(
        trainee.options,
        identity,
        history,
        trainee.module.state_dict(),
        trainee.optimizer.state_dict(),
        tuple(technique.state() for technique in trainee.techniques),
    )


def _resumed(
    trainee: Trainee, path: Path | None, identity: Identity
) -> tuple[EpochLog, ...]:
    """Put a checkpoint's state into the trainee; return its history, () without."""
    if path is None or not path.exists():
        return ()
    saved = Checkpoint.load(path)
    saved.check_fits(path, trainee.options, identity)
    try:
        trainee.module.load_state_dict(saved.module_state)
        trainee.optimizer.load_state_dict(saved.optimizer_state)
        for technique, state in zip(
            trainee.techniques, saved.technique_states, strict=True
        ):
            technique.load(state)
    except BROKEN_FILE_ERRORS as error:
        raise unusable(path) from error
    return saved.history
