"""One epoch: batches in, optimizer steps out.

Belongs here: the step and the batches. Does not belong here: epochs, checkpoints and
resuming (``fit.py``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from workbench.data.dataset import Dataset, normalise
from workbench.errors import WorkbenchError
from workbench.training.loop.augment import augment
from workbench.training.loop.options import EpochLog, FitOptions
from workbench.training.loop.processes import Processes
from workbench.training.loop.schedules import schedule, warmed
from workbench.training.loop.technique import Batch, Technique

AfterBatch = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Trainee:
    """A network in training and all that a step needs.

    Parameters
    ----------
    module : nn.Module
        The network itself; ``forward`` is it, or it wrapped for several processes.
    forward : nn.Module
        What is called with images.
    optimizer : torch.optim.SGD
        Its groups may carry ``scale``, a factor on the learning rate.
    options : FitOptions
        How to train.
    techniques : tuple of Technique
        In the order in which they act.
    team : Processes
        This process among others.
    after_batch : callable or None
        Called with (batches done, batches of the whole run); may raise to stop.
    after_step : callable or None
        Called with the module after every step.
    """

    module: nn.Module
    forward: nn.Module
    optimizer: torch.optim.SGD
    options: FitOptions
    techniques: tuple[Technique, ...]
    team: Processes
    after_batch: AfterBatch | None = None
    after_step: Callable[[nn.Module], None] | None = None

    def extra_parameters(self) -> Iterator[nn.Parameter]:
        """Yield the parameters that techniques train beside the module's."""
        for technique in self.techniques:
            yield from technique.parameters()


def make_optimizer(
    module: nn.Module, options: FitOptions, techniques: tuple[Technique, ...]
) -> torch.optim.SGD:
    """Return SGD over the module's and the techniques' parameters.

    Convolution and linear weights are decayed; biases, norms and what techniques add
    are not.
    """
    trained = [p for p in module.parameters() if p.requires_grad]
    groups: list[dict[str, object]] = [
        {
            "params": [p for p in trained if p.ndim > 1],
            "weight_decay": options.weight_decay,
        },
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups += [
        {"params": list(t.parameters()), "weight_decay": 0.0, "scale": t.rate()}
        for t in techniques
    ]
    return torch.optim.SGD(
        [group for group in groups if group["params"]],
        lr=options.peak_lr,
        momentum=options.momentum,
        nesterov=options.momentum > 0,
    )


def run_epoch(trainee: Trainee, data: Dataset, epoch: int) -> EpochLog:
    """Train through the images once; return the log, without validation.

    Parameters
    ----------
    trainee : Trainee
        Changed in place.
    data : Dataset
        Training images.
    epoch : int
        1 is the first.
    """
    start = time.perf_counter()
    options, optimizer = trainee.options, trainee.optimizer
    factor = schedule(options.schedule)
    steps = max(1, len(data) // options.batch_size)
    total, seen = 0.0, 0
    trainee.forward.train()
    # Own streams an epoch: a resumed run draws what an uninterrupted one draws.
    stream = options.seed * 1_000_003 + epoch
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream + trainee.team.rank)
        random = Generator().manual_seed(stream)
        batches = _batches(data, options, random, trainee.team)
        for index, (images, labels) in enumerate(batches):
            done, last = (epoch - 1) * steps + index, options.epochs * steps - 1
            turn = done / (last + 1) * options.cycles % 1
            rate = warmed(turn, share=options.warm_up, factor=factor)
            for group in optimizer.param_groups:
                group["lr"] = options.peak_lr * rate * group.get("scale", 1.0)
            # The last step is the end for techniques, however few steps there are.
            progress = done / last if last else 1.0
            total += _step(trainee, images, labels, progress) * len(labels)
            seen += len(labels)
            if trainee.after_batch is not None:
                trainee.after_batch(done + 1, last + 1)
    trainee.team.agree(trainee.module)
    total, images_seen = trainee.team.sums(total, seen)
    seconds = time.perf_counter() - start
    lr = float(optimizer.param_groups[0]["lr"])
    return EpochLog(
        epoch, total / images_seen, lr, seconds, images_seen / seconds, None
    )


def _step(trainee: Trainee, images: Tensor, labels: Tensor, progress: float) -> float:
    """Move the weights once; return the loss before it."""
    options = trainee.options
    for technique in trainee.techniques:
        technique.before_step(progress)
    with autocast(options):
        scores = trainee.forward(images)
        loss = functional.cross_entropy(
            scores, labels, label_smoothing=options.label_smoothing
        )
        batch = Batch(images, labels, scores)
        for technique in trainee.techniques:
            loss = technique.loss(loss, batch)
    value = float(loss.detach())
    if not value < float("inf"):
        raise WorkbenchError(
            f"a training loss of {value}",
            "a finite number",
            f"Lower the learning rate (now at most {options.peak_lr}).",
        )
    trainee.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    trainee.team.average_gradients(trainee.extra_parameters())
    for technique in trainee.techniques:
        technique.after_backward()
    trainee.optimizer.step()
    for technique in trainee.techniques:
        technique.after_step()
    if trainee.after_step is not None:
        trainee.after_step(trainee.module)
    return value


def _batches(
    data: Dataset, options: FitOptions, random: Generator, team: Processes
) -> Iterator[tuple[Tensor, Tensor]]:
    pixels = torch.tensor(data.images)
    labels = torch.tensor(data.labels)
    change = augment(options.augment)
    order = torch.randperm(len(data), generator=random)
    if team.rank:
        random = Generator().manual_seed(random.initial_seed() * 1009 + team.rank)
    size = min(options.batch_size, len(data))
    for start in range(0, len(data) - size + 1, size):
        chosen = team.share(order[start : start + size])
        images = normalise(change(pixels[chosen], random), data.mean, data.std)
        if options.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        yield images, labels[chosen]


def autocast(options: FitOptions) -> torch.autocast:
    """Return the context of the options' precision."""
    return torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bf16")
