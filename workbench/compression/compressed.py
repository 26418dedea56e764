"""CompressedNetwork: a network whose layers share few values.

Belongs here: the value. Does not belong here: making it (``compress``), training its
shared values (``lookup``, and the loop in ``workbench.training``).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import nn

from workbench.compression.palette import Palette
from workbench.errors import WorkbenchError
from workbench.models.digest import digest_state
from workbench.models.network import Layer, Network
from workbench.pruning.pruned import PrunedNetwork


@dataclass(frozen=True, eq=False)
class CompressedNetwork:
    """A copy of a network with palette weights; immutable by agreement.

    Parameters
    ----------
    source : Network or PrunedNetwork
        What was compressed, untouched.
    module : nn.Module
        A copy of its module; a layer with a palette has exactly the palette's weight.
    palettes : mapping of str to Palette
        By layer id.
    """

    source: Network | PrunedNetwork
    module: nn.Module
    palettes: Mapping[str, Palette]

    @property
    def name(self) -> str:
        """What people call the network."""
        return self.source.name

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """One image, (C, H, W)."""
        return self.source.input_shape

    @property
    def input_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of every input by name."""
        return self.source.input_shapes

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what it returns."""
        return self.source.outputs

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in output order."""
        return self.source.classes

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, as in the source."""
        return self.source.layers

    @property
    def dataset(self) -> str | None:
        """What it was trained on."""
        return self.source.dataset

    @cached_property
    def digest(self) -> str:
        """Hex SHA-256 of the state dict; computed at the first use."""
        return digest_state(self.module.state_dict())

    def layer(self, layer_id: str) -> Layer:
        """Return the layer with that id, or raise as ``Network.layer`` does."""
        return self.source.layer(layer_id)

    def with_values(
        self, module: nn.Module, palettes: Mapping[str, Palette]
    ) -> CompressedNetwork:
        """Return the same codes with other values, such as after training.

        Raises
        ------
        WorkbenchError
            A layer whose weight is not its palette's.
        """
        state = module.state_dict()
        for name, palette in palettes.items():
            weight = state[f"{name}.weight"].detach().numpy()
            if weight.tobytes() != palette.weight().tobytes():
                raise WorkbenchError(
                    f"a weight of '{name}' that is not its palette's",
                    "the palette's values, bit for bit",
                    "Write the trained codebooks back before making the network.",
                )
        return replace(self, module=module.eval(), palettes=dict(palettes))


@torch.no_grad()
def with_palettes(module: nn.Module, palettes: Mapping[str, Palette]) -> nn.Module:
    """Return a copy of a module whose layers have the palettes' weights."""
    own = copy.deepcopy(module)
    for name, palette in palettes.items():
        own.get_parameter(f"{name}.weight").copy_(torch.from_numpy(palette.weight()))
    return own.eval()
