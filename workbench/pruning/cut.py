"""Taking channels out of a module.

Belongs here: smaller weights, batch norms and other parameters for given units. Does
not belong here: which units go (``shrink``).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from workbench.models.network import Network
from workbench.models.resized import put, resize, say_layer_sizes
from workbench.pruning.coupling.values import CouplingGroup

Cuts = Sequence[tuple[CouplingGroup, np.ndarray]]


def cut(network: Network, cuts: Cuts, module: nn.Module | None = None) -> nn.Module:
    """Return a copy of the network's module without some units.

    Parameters
    ----------
    network : Network
        Not changed.
    cuts : sequence of (CouplingGroup, numpy.ndarray)
        Groups, and bool (size,), True for the units that go.
    module : nn.Module, optional
        What to cut, in place, instead of a copy of the network's.
    """
    module = copy.deepcopy(network.module) if module is None else module
    kept = kept_by_place(cuts)
    whole = {one.layer for group, _ in cuts for one in group.members if one.whole}
    for layer in network.layers:
        weight = f"{layer.id}.weight"
        rows, columns = kept.pop((weight, 0), None), kept.pop((weight, 1), None)
        if rows is not None or columns is not None:
            part = module.get_submodule(layer.id)
            _cut_layer(part, rows, columns, whole=layer.id in whole)
    for (name, axis), index in kept.items():
        _cut_follower(module, name, axis, torch.from_numpy(index))
    return module.eval()


def kept_by_place(cuts: Cuts) -> dict[tuple[str, int], np.ndarray]:
    """Return the indices that are left of each axis of each parameter that is cut."""
    dead: dict[tuple[str, int], np.ndarray] = {}
    for group, gone in cuts:
        for member in group.members:
            place = f"{member.layer}.weight", int(member.side == "in")
            _add(dead, place, member.units, gone)
        for one in group.followers:
            _add(dead, (one.parameter, one.axis), one.units, gone)
    return {place: np.flatnonzero(~found) for place, found in dead.items()}


def _add(
    found: dict[tuple[str, int], np.ndarray],
    place: tuple[str, int],
    units: np.ndarray,
    gone: np.ndarray,
) -> None:
    dead = (units >= 0) & gone[units]
    found[place] = found[place] | dead if place in found else dead


def _cut_layer(
    part: nn.Module,
    rows: np.ndarray | None,
    columns: np.ndarray | None,
    *,
    whole: bool,
) -> None:
    """Cut a layer's filters and input channels, in place."""
    assert isinstance(part, nn.Conv2d | nn.Linear)
    outputs, width = part.weight.shape[:2]
    if rows is not None:
        kept = torch.from_numpy(rows)
        # A layer's other values of one entry a filter (its bias, a gain) go along.
        for name, value in part.named_parameters(recurse=False):
            if value.ndim and value.shape[0] == outputs:
                put(part, name, value.detach()[kept])
    if columns is not None:
        kept = torch.from_numpy(columns[columns < width])
        put(part, "weight", part.weight.detach()[:, kept])
    say_layer_sizes(part, outputs, whole=whole)


def _cut_follower(module: nn.Module, name: str, axis: int, kept: Tensor) -> None:
    """Cut a parameter or buffer along an axis, in place, and what its module says."""
    owner, _, leaf = name.rpartition(".")
    part = module.get_submodule(owner)
    value = getattr(part, leaf).detach()
    resize(part, leaf, value.index_select(axis, kept))
