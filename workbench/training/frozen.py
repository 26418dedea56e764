"""Frozen masks: removed weights stay exactly zero through training.

Belongs here: the technique and its check. Does not belong here: masks that change
while training (``growing.py``).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from workbench.errors import WorkbenchError
from workbench.pruning.masks import Masks, apply_masks, revived
from workbench.training.technique import Technique


class FrozenMasks(Technique):
    """Masks gradients before, and weights after, every optimizer step.

    Momentum of a removed weight therefore stays zero, weight decay has nothing to
    decay, and no rounding brings a weight back. Every epoch the zeros are counted in
    the network and in its finished copy (the moving average, where there is one).

    Parameters
    ----------
    masks : mapping of str to Tensor
        Parameter name to bool tensor of its shape, True = keep.

    Source
    ------
    Han et al., "Learning both Weights and Connections", 2015, section 3.
    """

    def __init__(self, masks: Masks) -> None:
        self.masks: Mapping[str, Tensor] = dict(masks)
        self.zeros = count_zeros(self.masks)
        self.identity = f"frozen masks of {self.zeros} zeros"
        self._removed: list[tuple[nn.Parameter, Tensor]] = []
        self._module: nn.Module | None = None

    def prepare(self, module: nn.Module) -> None:
        """Apply the masks once and remember the parameters they belong to."""
        apply_masks(module, self.masks)
        self._module = module
        self._removed = [
            (module.get_parameter(name), ~mask) for name, mask in self.masks.items()
        ]

    def after_backward(self) -> None:
        """Set the gradients of removed weights to zero."""
        for parameter, removed in self._removed:
            if parameter.grad is not None:
                parameter.grad.masked_fill_(removed, 0.0)

    @torch.no_grad()
    def after_step(self) -> None:
        """Set removed weights to zero."""
        for parameter, removed in self._removed:
            parameter.masked_fill_(removed, 0.0)

    def after_epoch(self, result: nn.Module) -> dict[str, float]:
        """Return the zeros counted; raise if one is missing."""
        if self._module is not None:
            require_zeros(self._module, self.masks)
        require_zeros(result, self.masks)
        return {"zeros_kept": self.zeros, "zeros": self.zeros}


def count_zeros(masks: Masks) -> int:
    """Return how many entries the masks remove."""
    return sum(int((~mask).sum()) for mask in masks.values())


def require_zeros(module: nn.Module, masks: Masks) -> None:
    """Raise unless every removed weight is exactly zero.

    Raises
    ------
    WorkbenchError
        Names the first parameter that has others, and how many.
    """
    alive = revived(module, masks)
    if alive:
        name, count = next(iter(alive.items()))
        raise WorkbenchError(
            f"{count} removed weights of '{name}' that are not zero after an epoch",
            f"zeros kept {count_zeros(masks)}/{count_zeros(masks)}",
            "Report this: a step changed weights behind the masks.",
        )
