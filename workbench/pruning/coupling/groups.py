"""The coupling groups of a network.

Belongs here: turning walks over Torch-Pruning's dependency graph into plain data, and
blocking what proves false (docs/decisions/190-channels-are-tried.md). Does not belong
here: choosing channels (``channels``) or cutting them out (``shrink``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch_pruning as tp
from torch import nn

from workbench.models.network import Network
from workbench.pruning.computed import computed_weights
from workbench.pruning.coupling.flow import false_claims
from workbench.pruning.coupling.runs import fixed_widths
from workbench.pruning.coupling.ties import owners
from workbench.pruning.coupling.traced import (
    TRACE_ERRORS,
    Place,
    Walk,
    over_the_same_numbers,
    trace,
    walks,
)
from workbench.pruning.coupling.values import CouplingGroup, Member, NormMember, Side


def coupling_groups(network: Network) -> tuple[CouplingGroup, ...]:
    """Return every coupling group of a network, in execution order.

    Examples
    --------
    >>> from workbench.models.inspect import from_module
    >>> net = from_module(
    ...     nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 1)),
    ...     input_shape=(3, 8, 8),
    ... )
    >>> [(g.producers, g.consumers, g.size) for g in coupling_groups(net)]
    [(('0',), ('2',), 4), (('2',), (), 2)]
    """
    computed = computed_weights(network)
    groups = tuple(
        replace(
            group,
            blocked=_computed(group, computed)
            or _repeated(group, network)
            or group.blocked,
        )
        for group in traced_groups(network)
    )
    reasons = false_claims(network, groups)
    groups = tuple(
        replace(group, blocked=group.blocked or reasons.get(group.root))
        for group in groups
    )
    fixed = fixed_widths(network, groups)
    return tuple(
        replace(group, blocked=group.blocked or fixed.get(group.root))
        for group in groups
    )


def _computed(group: CouplingGroup, computed: Mapping[str, str]) -> str | None:
    """Return why a group with a layer that computes its weight anew stays, or None."""
    for member in group.members:
        if member.layer in computed:
            return f"of the weight of {member.layer!r}, {computed[member.layer]}"
    return None


def _repeated(group: CouplingGroup, network: Network) -> str | None:
    """Return why a group with a layer that runs several times stays, or None."""
    calls = {layer.id: layer.calls for layer in network.layers}
    for member in group.members:
        if calls.get(member.layer, 1) > 1:
            return (
                f"{member.layer!r} runs {calls[member.layer]} times in a forward pass"
            )
    return None


def traced_groups(network: Network) -> tuple[CouplingGroup, ...]:
    """Return the groups as Torch-Pruning sees them, which may be wrong.

    Where it fails, every layer is a group of its own, blocked with what it said.
    """
    known = {layer.id for layer in network.layers}
    order = {layer.id: rank for rank, layer in enumerate(network.layers)}
    try:
        graph = trace(over_the_same_numbers(network.module), network.input_shape)
    except TRACE_ERRORS as error:
        return _untraced(network, str(error) or type(error).__name__)
    names = {module: name for name, module in graph.model.named_modules()}
    holders = owners(network.module)
    groups = []
    for walk in walks(graph):
        found = _plain(walk, names, known, order)
        if found is not None:
            shared = _shared(found, network.module, holders)
            groups.append(replace(found, blocked=found.blocked or shared))
    return tuple(sorted(groups, key=lambda group: order[group.root]))


def _shared(
    group: CouplingGroup, module: nn.Module, holders: dict[int, tuple[str, ...]]
) -> str | None:
    """Return why a group with parameters of two modules stays, or None."""
    names = [member.layer for member in group.members]
    for name in [*names, *(norm.name for norm in group.norms)]:
        for kind, parameter in module.get_submodule(name).named_parameters():
            others = [one for one in holders[id(parameter)] if one != name]
            if others:
                return f"{name!r} has the same {kind} as {others[0]!r}"
    return None


def _untraced(network: Network, said: str) -> tuple[CouplingGroup, ...]:
    """Return one blocked group a layer."""
    reason = f"the network cannot be traced for its channels ({said})"
    groups = []
    for layer in network.layers:
        width = layer.weight_shape[0]
        member = Member(layer.id, "out", np.arange(width))
        groups.append(CouplingGroup(layer.id, width, (member,), (), reason))
    return tuple(groups)


def _plain(
    walk: Walk, names: dict[nn.Module, str], known: set[str], order: dict[str, int]
) -> CouplingGroup | None:
    """Turn a walk into plain data; None where it comes by no layer's outputs."""
    units = _units(walk)
    members: dict[tuple[str, Side], Member] = {}
    norms: dict[str, NormMember] = {}
    blocked = f"they cannot be followed ({walk.failure})" if walk.failure else None
    for place in walk.places:
        node, module = place.node, place.node.module
        name = names.get(module, "") if isinstance(module, nn.Module) else ""
        if isinstance(module, (nn.Conv2d, nn.Linear)) and name in known:
            side = side_of(place)
            spread, fits = _spread(place, units, _width(module, side))
            members[name, side] = Member(name, side, spread)
            if isinstance(module, nn.Conv2d) and module.groups > 1:
                blocked = blocked or _uneven(name, module, side, spread)
        elif (width := _per_channel(module)) is not None:
            spread, fits = _spread(place, units, width)
            norms[name] = NormMember(name, spread)
        else:
            fits = True
            blocked = blocked or _reason(node, name)
        if not fits:
            blocked = blocked or f"they do not meet those of {name!r} one to one"
    ordered = sorted(members.values(), key=lambda m: (m.side == "in", order[m.layer]))
    if not any(member.side == "in" for member in ordered):
        blocked = blocked or "these channels are the network's output"
    producers = [member for member in ordered if member.side == "out"]
    if not producers:
        return None
    root = names[walk.root] if names[walk.root] in known else producers[0].layer
    size = int(units.max()) + 1
    if size == 1 < units.size:
        blocked = blocked or f"all {units.size} of them can only go together"
    return CouplingGroup(root, size, tuple(ordered), tuple(norms.values()), blocked)


def side_of(place: Place) -> Side:
    """Return the side that a place means; a depthwise layer is cut by its rows."""
    return "out" if place.handler == "prune_out_channels" else "in"


def _width(module: nn.Conv2d | nn.Linear, side: Side) -> int:
    """Return the number of channels of one side of a layer."""
    if isinstance(module, nn.Linear):
        return module.out_features if side == "out" else module.in_features
    return module.out_channels if side == "out" else module.in_channels


def _per_channel(module: Any) -> int | None:
    """Return how many channels a module has numbers for, of those that can be cut."""
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        return module.num_features
    if isinstance(module, nn.PReLU) and module.num_parameters > 1:
        return module.num_parameters
    return None


def _units(walk: Walk) -> np.ndarray:
    """Return the unit of every root channel; what meets somewhere goes together."""
    parent = np.arange(len(walk.places[0].roots))

    def find(channel: int) -> int:
        while parent[channel] != channel:
            parent[channel] = parent[parent[channel]]
            channel = int(parent[channel])
        return channel

    for one, two in walk.ties:
        parent[find(one)] = find(two)
    for place in walk.places:
        module = place.node.module
        if not isinstance(module, nn.Conv2d) or module.groups == 1:
            continue
        if module.groups == module.out_channels:
            continue
        span = _width(module, side_of(place)) // module.groups
        first: dict[int, int] = {}
        for channel, root in place.roots.items():
            leader = first.setdefault(channel % span, root)
            parent[find(root)] = find(leader)
    leaders = [find(channel) for channel in range(len(parent))]
    rank = {leader: unit for unit, leader in enumerate(dict.fromkeys(leaders))}
    return np.array([rank[leader] for leader in leaders])


def _spread(place: Place, units: np.ndarray, width: int) -> tuple[np.ndarray, bool]:
    """Return the unit of each of a layer's channels, and whether all exist.

    -1 for channels outside of the group.
    """
    spread = np.full(width, -1)
    inside = {c: root for c, root in place.roots.items() if 0 <= c < width}
    spread[list(inside.keys())] = units[list(inside.values())]
    return spread, len(inside) == len(place.roots)


def _uneven(name: str, module: nn.Conv2d, side: Side, spread: np.ndarray) -> str | None:
    """Return why a grouped layer cannot lose these channels evenly, or None."""
    if side == "in" and (spread < 0).any():
        return f"the grouped layer {name!r} reads a concatenation"
    if module.groups == module.out_channels != module.in_channels:
        return f"the grouped layer {name!r} has one filter a group of several channels"
    return None


def _reason(node: Any, name: str) -> str | None:
    """Return why a node blocks the removal of its channels, or None."""
    kinds = tp.ops.OPTYPE
    if node.type in (kinds.ELEMENTWISE, kinds.CONCAT, kinds.RESHAPE, kinds.PRELU):
        return None
    if node.type == kinds.OUTPUT:
        return "these channels are the network's output"
    words = {
        kinds.SPLIT: "a split (chunk or split) takes them apart",
        kinds.UNBIND: "unbind takes them apart",
        kinds.SLICE: "a slice takes some of them",
        kinds.EXPAND: "they are expanded over a new axis",
        kinds.PARAMETER: "a parameter of its own meets each of them",
    }
    kind = type(node.module).__name__
    return words.get(node.type) or f"the channels pass through {name!r} ({kind})"
