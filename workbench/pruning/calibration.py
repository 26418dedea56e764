"""What criteria learn from images: gradients and activations of a small batch.

Belongs here: running a network over calibration images, on a copy, in evaluation mode.
Does not belong here: turning the result into scores (``criteria``), or accuracy
(``analysis/accuracy``).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import nn

from workbench.data.dataset import Dataset
from workbench.models.network import Network
from workbench.pruning.neighbours import norms_after

IMAGES = 256
BATCH = 64


@dataclass(frozen=True, eq=False)
class Calibration:
    """A network and the images that it is looked at with.

    Parameters
    ----------
    network : Network
        Not changed.
    data : Dataset
        The first ``IMAGES`` of it with even classes (``Dataset.take``) are used, so
        that the same data give the same scores.
    """

    network: Network
    data: Dataset

    @cached_property
    def taylor(self) -> Mapping[str, torch.Tensor]:
        """Mean over the batches of (dL/dw x w) squared, by layer id.

        float32 of each weight's shape; L is the mean cross-entropy of a batch.
        """
        module = copy.deepcopy(self.network.module).eval()
        weights = {
            layer.id: module.get_parameter(f"{layer.id}.weight").requires_grad_(True)
            for layer in self.network.layers
        }
        sums = {name: torch.zeros_like(weight) for name, weight in weights.items()}
        batches = 0
        for images, labels in self._batches():
            with torch.enable_grad():
                loss = nn.functional.cross_entropy(module(images), labels)
                slopes = torch.autograd.grad(loss, list(weights.values()))
            for name, slope in zip(weights, slopes, strict=True):
                sums[name] += (slope * weights[name].detach()).square()
            batches += 1
        return {name: total / batches for name, total in sums.items()}

    @cached_property
    def active(self) -> Mapping[str, torch.Tensor]:
        """Share of each output channel's values above zero, float64 (O,), by layer id.

        Seen behind the batch norm that follows the layer, if one does.
        """
        module = copy.deepcopy(self.network.module).eval()
        norms = norms_after(self.network)
        counts: dict[str, torch.Tensor] = {}
        seen: dict[str, int] = {}

        def watch(layer_id: str) -> Callable[..., None]:
            def hook(_module: nn.Module, _inputs: Any, output: torch.Tensor) -> None:
                rows = output.transpose(0, 1).flatten(1)
                above = (rows > 0).sum(dim=1).double()
                counts[layer_id] = counts.get(layer_id, 0) + above
                seen[layer_id] = seen.get(layer_id, 0) + rows.shape[1]

            return hook

        for layer in self.network.layers:
            place = norms.get(layer.id, layer.id)
            module.get_submodule(place).register_forward_hook(watch(layer.id))
        with torch.inference_mode():
            for images, _labels in self._batches():
                module(images)
        return {name: count / seen[name] for name, count in counts.items()}

    def _batches(self) -> Any:
        return self.data.take(IMAGES).batches(BATCH)
