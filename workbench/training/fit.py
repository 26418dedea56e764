"""The training loop: one function for first training and for fine-tuning.

Belongs here: the loop. Does not belong here: masks (a caller passes a hook that runs
after every optimizer step), schedules, augmentation and checkpoints (one file each).
"""

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from workbench.data.dataset import Dataset, normalise
from workbench.errors import WorkbenchError
from workbench.training.augment import augment
from workbench.training.checkpoint import Checkpoint
from workbench.training.options import EpochLog, FitOptions
from workbench.training.schedules import schedule

_EVAL_BATCH = 500


@dataclass(frozen=True)
class FitHooks:
    """Callbacks of a training run; each may raise to stop it.

    Parameters
    ----------
    after_step : callable or None
        Called with the network in training after every optimizer step (to put pruned
        weights back to zero, for example).
    after_epoch : callable or None
        Called with the EpochLog once the epoch's checkpoint is on disk.
    """

    after_step: Callable[[nn.Module], None] | None = None
    after_epoch: Callable[[EpochLog], None] | None = None


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
    thread count, whether or not the run was interrupted and resumed.

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
        Callbacks after every step and every epoch.

    Raises
    ------
    WorkbenchError
        If the checkpoint belongs to another run, or the loss is no longer finite.
    """
    hooks = hooks or FitHooks()
    work = copy.deepcopy(module)
    if options.channels_last:
        work = work.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = _optimizer(work, options)
    history: tuple[EpochLog, ...] = ()
    if checkpoint is not None and checkpoint.exists():
        saved = Checkpoint.load(checkpoint)
        saved.check_fits(checkpoint, options, train.digest)
        work.load_state_dict(saved.module_state)
        optimizer.load_state_dict(saved.optimizer_state)
        history = saved.history
    for epoch in range(len(history) + 1, options.epochs + 1):
        log = _epoch(work, optimizer, train, epoch=epoch, options=options, hooks=hooks)
        if val is not None:
            log = _with_top1(log, top1(work, val, options))
        history = (*history, log)
        if checkpoint is not None:
            Checkpoint(
                options,
                train.digest,
                history,
                work.state_dict(),
                optimizer.state_dict(),
            ).save(checkpoint)
        if hooks.after_epoch is not None:
            hooks.after_epoch(log)
    work = work.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return FitResult(work.eval(), history)


def top1(module: nn.Module, data: Dataset, options: FitOptions) -> float:
    """Return the share of images classified correctly, 0..1, in evaluation mode."""
    module.eval()
    correct = 0
    with torch.inference_mode(), _autocast(options):
        for images, labels in data.batches(_EVAL_BATCH):
            correct += int((module(images).argmax(1) == labels).sum())
    return correct / len(data)


def _optimizer(module: nn.Module, options: FitOptions) -> torch.optim.SGD:
    trained = [p for p in module.parameters() if p.requires_grad]
    groups = [
        {
            "params": [p for p in trained if p.ndim > 1],
            "weight_decay": options.weight_decay,
        },
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.SGD(
        [group for group in groups if group["params"]],
        lr=options.peak_lr,
        momentum=options.momentum,
        nesterov=options.momentum > 0,
    )


def _epoch(
    module: nn.Module,
    optimizer: torch.optim.SGD,
    data: Dataset,
    *,
    epoch: int,
    options: FitOptions,
    hooks: FitHooks,
) -> EpochLog:
    start = time.perf_counter()
    factor = schedule(options.schedule)
    steps = max(1, len(data) // options.batch_size)
    total, seen = 0.0, 0
    module.train()
    # Own streams an epoch: a resumed run draws what an uninterrupted one draws.
    stream = options.seed * 1_000_003 + epoch
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream)
        random = Generator().manual_seed(stream)
        for index, (images, labels) in enumerate(_batches(data, options, random)):
            progress = ((epoch - 1) * steps + index) / (options.epochs * steps)
            for group in optimizer.param_groups:
                group["lr"] = options.peak_lr * factor(progress)
            loss = _step(module, optimizer, images, labels, options=options)
            if hooks.after_step is not None:
                hooks.after_step(module)
            total += loss * len(labels)
            seen += len(labels)
    seconds = time.perf_counter() - start
    lr = float(optimizer.param_groups[0]["lr"])
    return EpochLog(epoch, total / seen, lr, seconds, seen / seconds, None)


def _step(
    module: nn.Module,
    optimizer: torch.optim.SGD,
    images: Tensor,
    labels: Tensor,
    *,
    options: FitOptions,
) -> float:
    with _autocast(options):
        loss = functional.cross_entropy(
            module(images), labels, label_smoothing=options.label_smoothing
        )
    value = float(loss.detach())
    if not value < float("inf"):
        raise WorkbenchError(
            f"a training loss of {value}",
            "a finite number",
            f"Lower the learning rate (now at most {options.peak_lr}).",
        )
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return value


def _batches(
    data: Dataset, options: FitOptions, random: Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    pixels = torch.tensor(data.images)
    labels = torch.tensor(data.labels)
    change = augment(options.augment)
    order = torch.randperm(len(data), generator=random)
    size = min(options.batch_size, len(data))
    for start in range(0, len(data) - size + 1, size):
        chosen = order[start : start + size]
        images = normalise(change(pixels[chosen], random), data.mean, data.std)
        if options.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        yield images, labels[chosen]


def _autocast(options: FitOptions) -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bf16")


def _with_top1(log: EpochLog, value: float) -> EpochLog:
    return EpochLog(
        log.epoch, log.loss, log.lr, log.seconds, log.images_per_s, val_top1=value
    )
