"""MACs of a network as a smooth function of which channels are alive.

Belongs here: the formula over coupling groups. Does not belong here: gates that learn
which channels live (``gates.py``), or counting a finished network's MACs
(``analysis/complexity``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from workbench.models.network import Layer, Network
from workbench.pruning.coupling.values import CouplingGroup, Side


@dataclass(frozen=True, eq=False)
class _Share:
    """Channels of one side of a layer that belong to a group: which, and their unit."""

    group: str
    channels: Tensor
    units: Tensor


@dataclass(frozen=True, eq=False)
class UnitMacs:
    """Return the MACs of a network when each unit is alive to a degree of 0..1.

    A layer costs ``pixels * KH * KW * sum(rows alive) * sum(columns alive)``, columns
    counted within a group of channels; a depthwise layer has rows only. With degrees
    that are probabilities of independent units this is the expected number, the
    diagonal of layers that read and write the same group aside.

    Parameters
    ----------
    network : Network
        Gives shapes and pixels.
    groups : sequence of CouplingGroup
        Units that may die; all other channels live.

    Source
    ------
    Tang, Adhikari and Lin, "FLOPs as a Direct Optimization Objective", 2018,
    section 3.
    """

    network: Network
    groups: Sequence[CouplingGroup]

    @property
    def dense(self) -> int:
        """MACs when everything lives."""
        return sum(layer.macs for layer in self.network.layers)

    def __call__(self, alive: Mapping[str, Tensor]) -> Tensor:
        """Return the MACs, a scalar that carries gradients.

        Parameters
        ----------
        alive : mapping of str to Tensor
            Group root to degrees, shape (size,).
        """
        total = torch.zeros(())
        for layer in self.network.layers:
            pixels = layer.macs / layer.params
            area = layer.kernel_size[0] * layer.kernel_size[1]
            rows = self._side(layer, "out", alive)
            columns = self._side(layer, "in", alive)
            total = total + pixels * area * rows.sum() * columns.sum()
        return total

    def _side(self, layer: Layer, side: Side, alive: Mapping[str, Tensor]) -> Tensor:
        """Return the degree of each row or column of the layer's weight."""
        width = layer.weight_shape[0 if side == "out" else 1]
        degrees = torch.ones(width)
        if side == "in" and layer.depthwise:
            return degrees
        for share in self._shares(layer.id, side, width):
            if share.group in alive:
                found = alive[share.group][share.units]
                degrees = degrees.index_put((share.channels,), found)
        return degrees

    def _shares(self, layer_id: str, side: Side, width: int) -> list[_Share]:
        found = []
        for group in self.groups:
            for member in group.members:
                if (member.layer, member.side) == (layer_id, side):
                    units = torch.from_numpy(member.units)[:width]
                    inside = torch.nonzero(units >= 0).reshape(-1)
                    found.append(_Share(group.root, inside, units[inside]))
        return found
