"""PrunedNetwork: a network with masks, a new object beside the untouched original.

Belongs here: the value. Does not belong here: making it (``prune``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import nn

from workbench.errors import WorkbenchError
from workbench.models.digest import digest_state
from workbench.models.network import Layer, Network
from workbench.pruning.masks import revived, to_torch_names
from workbench.pruning.recipe.recipe import Recipe
from workbench.pruning.report import PruneReport


@dataclass(frozen=True, eq=False)
class PrunedNetwork:
    """A pruned copy of a network; immutable by agreement, like ``Network``.

    Parameters
    ----------
    base : Network
        The dense network, untouched.
    module : nn.Module
        A copy of its module, removed weights exactly zero; no hooks, no buffers more.
    masks : mapping of str to torch.Tensor
        Layer id to a bool tensor of the weight's shape, True = keep; only layers that
        lost something.
    recipe : Recipe
        What was asked.
    report : PruneReport
        What was done.
    channel_masks : mapping of str to torch.Tensor
        Name of another parameter (bias, batch norm scale and offset) to a bool tensor,
        True = keep; filled where whole channels went.
    """

    base: Network
    module: nn.Module
    masks: Mapping[str, torch.Tensor]
    recipe: Recipe
    report: PruneReport
    channel_masks: Mapping[str, torch.Tensor] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What people call the network."""
        return self.base.name

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """One image, (C, H, W)."""
        return self.base.input_shape

    @property
    def input_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of every input by name."""
        return self.base.input_shapes

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what it returns."""
        return self.base.outputs

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in output order."""
        return self.base.classes

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, with the shapes of the dense network."""
        return self.base.layers

    @property
    def dataset(self) -> str | None:
        """What it was trained on."""
        return self.base.dataset

    @cached_property
    def digest(self) -> str:
        """Hex SHA-256 of the pruned state dict; computed at the first use."""
        return digest_state(self.module.state_dict())

    @cached_property
    def parameter_masks(self) -> dict[str, torch.Tensor]:
        """All masks by parameter name, as training and files need them."""
        weights = {f"{name}.weight": mask for name, mask in self.masks.items()}
        return {**weights, **self.channel_masks}

    def layer(self, layer_id: str) -> Layer:
        """Return the layer with that id, or raise as ``Network.layer`` does."""
        return self.base.layer(layer_id)

    def with_module(self, module: nn.Module) -> PrunedNetwork:
        """Return the same pruning with other values, such as after fine-tuning.

        Raises
        ------
        WorkbenchError
            A removed weight came back.
        """
        alive = revived(module, self.parameter_masks)
        if alive:
            name, count = next(iter(alive.items()))
            raise WorkbenchError(
                f"{count} removed weights of '{name}' that are not zero any more",
                "every removed weight to stay zero",
                "Apply the masks after every optimiser step.",
            )
        return replace(self, module=module.eval())

    def torch_state(self) -> dict[str, torch.Tensor]:
        """Return the state dict with ``weight_orig`` and ``weight_mask``."""
        return to_torch_names(
            self.module.state_dict(),
            self.parameter_masks,
            self.base.module.state_dict(),
        )
