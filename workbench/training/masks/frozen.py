"""Masks in training: removed weights are held at exactly zero and counted.

Belongs here: the technique for masks that do not change, which those with changing
masks build on (``growing.py``, ``admm.py``), and the count of zeros.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from workbench.errors import WorkbenchError
from workbench.pruning.masks import Masks, apply_masks, revived
from workbench.pruning.method import MaskSet
from workbench.pruning.pruned import PrunedNetwork
from workbench.training.loop.technique import Technique


class FrozenMasks(Technique):
    """Masks gradients before, and weights after, every optimizer step.

    Momentum of a removed weight therefore stays zero, weight decay has nothing to
    decay, and no rounding brings a weight back. Every epoch the zeros are counted in
    the network and in its finished copy (the moving average, where there is one).

    Parameters
    ----------
    found : MaskSet
        Masks by layer id, and of other parameters by name; True = keep.

    Source
    ------
    Han et al., "Learning both Weights and Connections", 2015, section 3.
    """

    def __init__(self, found: MaskSet) -> None:
        self.found = found
        self.identity = f"frozen masks of {count_zeros(by_parameter(found))} zeros"
        self._removed: list[tuple[nn.Parameter, Tensor]] = []
        self._module: nn.Module | None = None

    @classmethod
    def of(cls, pruned: PrunedNetwork) -> FrozenMasks:
        """Return the technique with a pruned network's own masks."""
        return cls(mask_set(pruned))

    def prepare(self, module: nn.Module) -> None:
        """Apply the masks and remember the parameters they belong to."""
        self._module = module
        self.hold(self.found)

    def hold(self, found: MaskSet) -> None:
        """From now on hold these masks instead."""
        self.found = found
        if self._module is None:
            return
        module, masks = self._module, by_parameter(found)
        apply_masks(module, masks)
        self._removed = [
            (module.get_parameter(name), ~mask) for name, mask in masks.items()
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

    def finish(self, result: nn.Module) -> None:
        """Apply the masks to the moving average, which remembers older masks."""
        apply_masks(result, by_parameter(self.found))

    def after_epoch(self, result: nn.Module) -> dict[str, float]:
        """Return the zeros counted; raise if one is missing."""
        masks = by_parameter(self.found)
        zeros = count_zeros(masks)
        for module in filter(None, (self._module, result)):
            require_zeros(module, masks)
        return {"zeros_kept": zeros, "zeros": zeros}

    def state(self) -> dict[str, Any]:
        """Return the masks and their notes."""
        return {
            "masks": dict(self.found.masks),
            "channel_masks": dict(self.found.channel_masks),
            "notes": dict(self.found.notes),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take the masks back."""
        self.hold(MaskSet(state["masks"], state["channel_masks"], state["notes"]))


def mask_set(pruned: PrunedNetwork) -> MaskSet:
    """Return a pruned network's masks and notes."""
    notes = {row.id: row.note for row in pruned.report.layers if row.note}
    return MaskSet(pruned.masks, pruned.channel_masks, notes)


def by_parameter(found: MaskSet) -> dict[str, Tensor]:
    """Return all masks by parameter name."""
    weights = {f"{layer}.weight": mask for layer, mask in found.masks.items()}
    return {**weights, **found.channel_masks}


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
