"""Physical removal of channels that nobody reads, and of blocks that do nothing.

Belongs here: cutting a masked network down to an equal, smaller one. Does not belong
here: choosing channels (``channels``) and finding blocks (``blocks``).

A residual block whose parameters are all zero becomes ``nn.Identity``.

A unit of a coupling group is removable when every consumer's columns for it are zero:
whatever the channel emits, through batch norm and any activation, is multiplied by
zero, so that cutting it changes nothing. The ``filter`` and ``channel`` methods mask
these columns; zeros made by other means count as well.
"""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import torch
from torch import nn

from workbench.errors import WorkbenchError
from workbench.models.inspect import from_module
from workbench.models.network import Network
from workbench.pruning.blocks import without_zero_blocks
from workbench.pruning.groups import CouplingGroup, Member, coupling_groups, trace
from workbench.pruning.pruned import PrunedNetwork

# Sums over fewer channels are added in another order; float32 differs by its rounding.
TOLERANCE = 1e-4


def shrink(pruned: PrunedNetwork) -> Network:
    """Return a smaller network with the same outputs.

    Parameters
    ----------
    pruned : PrunedNetwork
        Its residual blocks of zeros are left out, and its channels whose consumers'
        columns are all zero are cut out. Zeros elsewhere stay zeros in the smaller
        weights.

    Raises
    ------
    WorkbenchError
        The smaller network does not give the masked network's outputs (an operation
        that mixes channels in a way the dependency graph does not know).
    """
    whole = _network_of(pruned)
    masked = without_zero_blocks(whole)
    cuts = [(group, _unread(group, masked)) for group in coupling_groups(masked)]
    module = _cut(masked, [(group, gone) for group, gone in cuts if gone.any()])
    small = from_module(
        module,
        input_shape=masked.input_shape,
        name=masked.name,
        classes=masked.classes,
        dataset=masked.dataset,
    )
    _require_equal(whole, small)
    return small


def _network_of(pruned: PrunedNetwork) -> Network:
    """Return the masked module as a plain network."""
    return Network(
        pruned.name,
        pruned.module,
        pruned.input_shape,
        pruned.classes,
        pruned.layers,
        pruned.dataset,
    )


def _unread(group: CouplingGroup, masked: Network) -> np.ndarray:
    """Return which units nobody reads, bool (size,); never all of them."""
    unread = np.zeros(group.size, dtype=bool)
    if group.blocked:
        return unread
    unread[:] = True
    for member in group.members:
        if member.side == "in":
            used = _columns_used(member, masked)
            units = member.units[: used.size]
            unread[units[used & (units >= 0)]] = False
    if unread.all():
        unread[0] = False
    return unread


def _columns_used(member: Member, masked: Network) -> np.ndarray:
    weight = masked.module.get_parameter(f"{member.layer}.weight").detach()
    used: np.ndarray = weight.transpose(0, 1).flatten(1).ne(0).any(dim=1).numpy()
    return used


def _cut(masked: Network, cuts: list[tuple[CouplingGroup, np.ndarray]]) -> nn.Module:
    """Return a copy of the module without the units.

    All indices refer to the uncut layers, so they are gathered first, then each layer
    is cut once a side: a layer that reads a concatenation loses channels of several
    groups.
    """
    graph = trace(copy.deepcopy(masked.module), masked.input_shape)
    modules = dict(graph.model.named_modules())
    jobs: dict[tuple[int, str], tuple[Any, set[int]]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for group, gone in cuts:
            root = modules[group.root]
            handler = graph.get_pruner_of_module(root).prune_out_channels
            for dep, idxs in graph.get_pruning_group(
                root, handler, _roots(group, gone)
            ):
                same = _shared_sides(dep.target.module)
                side = "both" if same else dep.handler.__name__
                job = jobs.setdefault((id(dep.target), side), (dep, set()))
                job[1].update(idxs)
        for dep, found in jobs.values():
            dep(sorted(found))
    return graph.model.eval()  # type: ignore[no-any-return]


def _shared_sides(module: Any) -> bool:
    """Return whether cutting outputs and inputs is the same act for this module."""
    if isinstance(module, nn.Conv2d):
        return module.groups == module.out_channels > 1
    return not isinstance(module, nn.Linear)


def _roots(group: CouplingGroup, gone: np.ndarray) -> list[int]:
    """Return the root layer's output channels of the units ``gone``."""
    for member in group.members:
        if member.layer == group.root and member.side == "out":
            return np.flatnonzero((member.units >= 0) & gone[member.units]).tolist()
    return []


def _require_equal(masked: Network, small: Network) -> None:
    """Raise unless both give the same outputs on seeded random images."""
    images = torch.randn(
        2, *masked.input_shape, generator=torch.Generator().manual_seed(0)
    )
    with torch.inference_mode():
        want, got = masked.module(images), small.module(images)
    error = float((want - got).abs().max()) if want.shape == got.shape else np.inf
    scale = max(1.0, float(want.abs().max()))
    if error > TOLERANCE * scale:
        raise WorkbenchError(
            f"the smaller '{masked.name}' differs from the masked one by {error:.2g}",
            f"at most {TOLERANCE * scale:.2g}",
            "Keep the masked network; its channels are mixed in an unknown way.",
        )
