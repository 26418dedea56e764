"""The common skeleton of everything that a training method adds to the loop.

Belongs here: ``Technique``, whose methods do nothing, and the values they receive.
Does not belong here: any particular technique (one file each) or the loop (``fit.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class Batch:
    """One step's images, labels and the network's answer.

    Parameters
    ----------
    images : Tensor of float32, shape (N, C, H, W)
        Normalised and augmented.
    labels : Tensor of int64, shape (N,)
        Classes.
    scores : Tensor, shape (N, classes)
        What the network in training put out; carries gradients.
    """

    images: Tensor
    labels: Tensor
    scores: Tensor


class Technique:
    """What a training method does at each point of a run; the base does nothing.

    One object serves one run: ``prepare`` ties it to the copy of the network that is
    being trained. ``identity`` names the technique and everything that changes what it
    does, so that a checkpoint of another run is refused.
    """

    identity = "none"

    def prepare(self, module: nn.Module) -> None:
        """Get hold of the network in training, before the optimizer is made."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield further parameters to train (gates, scales), never decayed."""
        return iter(())

    def rate(self) -> float:
        """Return the learning rate of these parameters over the network's."""
        return 1.0

    def before_step(self, progress: float) -> None:
        """Act before a step; ``progress`` runs from 0 to 1 at the last step."""

    def loss(self, loss: Tensor, batch: Batch) -> Tensor:
        """Return the loss to minimise, given the loss so far."""
        return loss

    def after_backward(self) -> None:
        """Act on the gradients before the optimizer uses them."""

    def after_step(self) -> None:
        """Act on the weights after the optimizer moved them."""

    def finish(self, result: nn.Module) -> None:
        """Bring a copy of the network into the form that is scored and returned.

        Techniques finish in the opposite order, so that masks have the last word.
        """

    def after_epoch(self, result: nn.Module) -> dict[str, float]:
        """Check the network and its finished copy; return remarks for the epoch log."""
        return {}

    def state(self) -> dict[str, Any]:
        """Return what a resumed run needs, as tensors and plain values."""
        return {}

    def load(self, state: dict[str, Any]) -> None:
        """Take back what ``state`` returned."""
