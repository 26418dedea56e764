"""Accuracy of anything that maps images to class scores, with its uncertainty.

Belongs here: top-1, top-5, loss and the Wilson interval. Does not belong here:
accuracy as a function of sparsity (``sensitivity``).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from workbench.data.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.models.outputs import scores_of

# The 0.975 quantile of the normal distribution: a two-sided interval of 95 %.
Z95 = 1.959963984540054

Progress = Callable[[int, int], None]
Forward = Callable[[torch.Tensor], Any]


@dataclass(frozen=True)
class Accuracy:
    """How well a network classifies.

    Parameters
    ----------
    top1, top5 : float
        Share of images whose class has the highest score, or one of the five highest
        (of all, when there are fewer classes), 0..1.
    loss : float
        Mean cross-entropy, natural logarithm.
    n : int
        Number of images.
    interval : (float, float)
        Wilson's 95 % interval of ``top1``.
    """

    top1: float
    top5: float
    loss: float
    n: int
    interval: tuple[float, float]


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share of ``hits`` in ``n``.

    Source: Wilson 1927; (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n).

    Examples
    --------
    >>> [round(bound, 4) for bound in wilson(90, 100)]
    [0.8256, 0.9448]
    """
    share, square = hits / n, Z95**2
    middle = share + square / (2 * n)
    half = Z95 * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    scale = 1 + square / n
    # At the ends the formula gives exactly 0 and 1; rounding would miss them.
    low = 0.0 if hits == 0 else (middle - half) / scale
    return low, 1.0 if hits == n else (middle + half) / scale


def evaluate(
    net: Any,
    data: Dataset,
    *,
    batch_size: int = 32,
    output: str | None = None,
    progress: Progress | None = None,
) -> Accuracy:
    """Return the accuracy of a network on a dataset; neither is changed.

    Parameters
    ----------
    net : Network, PrunedNetwork, nn.Module or Program
        Anything with a torch ``module``, a torch module, or a callable that maps
        float32 (N, C, H, W) arrays to scores (N, classes).
    data : Dataset
        Images are normalised as the dataset says.
    batch_size : int
        Images a forward pass.
    output : str, optional
        Name of the output with the scores; needed where several outputs of a network
        could be scores (N, classes).
    progress : callable, optional
        Called with (images done, images in all) after each batch.

    Raises
    ------
    WorkbenchError
        No images, outputs that are not one score a class, or several that could be.
    """
    if not len(data):
        raise WorkbenchError("no images", "one image at least", "Choose another split.")
    forward = _forward_of(net)
    tally = Tally(len(data.classes))
    for images, labels in data.batches(batch_size):
        tally.add(scores_of(forward(images), output), labels)
        if progress is not None:
            progress(tally.images, len(data))
    return tally.accuracy()


class Tally:
    """Return a count of hits that grows batch by batch.

    Parameters
    ----------
    classes : int
        How many classes the data has.
    """

    def __init__(self, classes: int) -> None:
        self.images = 0
        self._classes = classes
        self._hits = self._top = 0
        # Summed exactly at the end: the size of the batches must not show.
        self._losses: list[float] = []

    def add(self, scores: torch.Tensor, labels: torch.Tensor) -> None:
        """Count one batch: scores (N, classes), int64 labels (N,).

        Raises
        ------
        WorkbenchError
            Outputs that are not one score a class.
        """
        _check(scores, labels, self._classes)
        chosen = scores.gather(1, labels[:, None])
        # NaN scores compare false, so that a diverged network scores no hits.
        before = (scores > chosen).sum(dim=1) + _ties_before(scores, labels, chosen)
        valid = torch.isfinite(scores).all(dim=1)
        self._hits += int(((before == 0) & valid).sum())
        self._top += int(((before < 5) & valid).sum())
        self._losses += nn.functional.cross_entropy(
            scores.double(), labels, reduction="none"
        ).tolist()
        self.images += len(labels)

    def accuracy(self) -> Accuracy:
        """Return what was counted so far; one image at least."""
        n = self.images
        interval = wilson(self._hits, n)
        loss = math.fsum(self._losses) / n
        return Accuracy(self._hits / n, self._top / n, loss, n, interval)


def _ties_before(
    scores: torch.Tensor, labels: torch.Tensor, chosen: torch.Tensor
) -> torch.Tensor:
    """Return how many classes of lower index share the right class's score."""
    index = torch.arange(scores.shape[1])
    return ((scores == chosen) & (index < labels[:, None])).sum(dim=1)


def _check(scores: torch.Tensor, labels: torch.Tensor, classes: int) -> None:
    highest = int(labels.max())
    if scores.ndim > 2:
        raise WorkbenchError(
            f"outputs of shape {tuple(scores.shape)}, which are no class scores",
            f"({len(labels)}, classes): accuracy is for networks that classify",
            "See how far its outputs moved instead: workbench.output_change(pruned, "
            "images), which needs no labels.",
        )
    if scores.ndim != 2 or len(scores) != len(labels) or scores.shape[1] <= highest:
        raise WorkbenchError(
            f"outputs of shape {tuple(scores.shape)} for {len(labels)} images",
            f"({len(labels)}, {max(classes, highest + 1)}), a score a class",
            "Choose the dataset that the network was trained on.",
        )


def _forward_of(net: Any) -> Forward:
    """Return a function from a float32 batch to scores, both torch tensors."""
    module = net if isinstance(net, nn.Module) else getattr(net, "module", None)
    if isinstance(module, nn.Module):
        if any(part.training for part in module.modules()):
            module = copy.deepcopy(module).eval()
        return _inferred(module)
    if callable(net):
        return lambda images: _as_tensors(net(images.numpy()))
    raise WorkbenchError(
        f"a {type(net).__name__}",
        "a Network, PrunedNetwork, torch module or Program",
        "Load a model first: workbench.load_model(name).",
    )


def _inferred(module: nn.Module) -> Forward:
    def forward(images: torch.Tensor) -> Any:
        with torch.inference_mode():
            return module(images)

    return forward


def _as_tensors(made: Any) -> Any:
    """Return what a program returns with tensors in place of arrays."""
    if isinstance(made, Mapping):
        return {name: torch.from_numpy(one) for name, one in made.items()}
    if isinstance(made, tuple | list):
        return [torch.from_numpy(one) for one in made]
    return torch.from_numpy(np.asarray(made))
