"""Coupling groups: which channels of which layers must go together.

Belongs here: tracing a network with Torch-Pruning's dependency graph and handing
out the result as plain data. Does not belong here: choosing channels
(``channels``) or cutting them out (``shrink``).

A *unit* is the smallest set of channels that can be removed at once. Usually it is
one output channel of the producers with the input channels of the consumers; a
residual sum ties the same channel of all its producers, a flatten gives one channel
many consumer columns, and a grouped convolution ties the channels at the same
position of all its groups, since its groups must stay equally wide.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import torch_pruning as tp
from torch import nn

from workbench.errors import WorkbenchError
from workbench.models.network import Network

Side = Literal["out", "in"]


@dataclass(frozen=True, eq=False)
class Member:
    """One layer's side in a group.

    Parameters
    ----------
    layer : str
        Layer id.
    side : "out" or "in"
        Output channels (rows of the weight) or input channels (columns).
    units : numpy.ndarray
        int64, one entry a channel of that side: its unit, or -1 where the channel
        belongs to another group (a concatenation).
    """

    layer: str
    side: Side
    units: np.ndarray


@dataclass(frozen=True, eq=False)
class NormMember:
    """A batch normalisation in a group: its module name and its channels' units."""

    name: str
    units: np.ndarray


@dataclass(frozen=True, eq=False)
class CouplingGroup:
    """Channels that can only be removed together.

    Parameters
    ----------
    root : str
        A layer whose output channels cover every unit.
    size : int
        Number of units.
    members : tuple of Member
        Producers ("out") and consumers ("in").
    norms : tuple of NormMember
        Batch normalisations in between.
    blocked : str or None
        Why the group cannot be removed, or None.
    """

    root: str
    size: int
    members: tuple[Member, ...]
    norms: tuple[NormMember, ...] = ()
    blocked: str | None = None

    @property
    def producers(self) -> tuple[str, ...]:
        """Layers whose output channels are in the group."""
        return tuple(m.layer for m in self.members if m.side == "out")

    @property
    def consumers(self) -> tuple[str, ...]:
        """Layers whose input channels are in the group."""
        return tuple(m.layer for m in self.members if m.side == "in")


def trace(module: nn.Module, input_shape: Sequence[int]) -> Any:
    """Return Torch-Pruning's dependency graph of ``module`` (traced in place).

    Raises
    ------
    WorkbenchError
        The network cannot be traced.
    """
    for parameter in module.parameters():
        parameter.requires_grad_(True)
    example = torch.zeros(1, *input_shape)
    graph = tp.DependencyGraph()
    try:
        with warnings.catch_warnings(), torch.enable_grad():
            warnings.simplefilter("ignore")
            return graph.build_dependency(module, example_inputs=example, verbose=False)
    except (RuntimeError, ValueError, AttributeError, AssertionError, TypeError) as e:
        raise WorkbenchError(
            f"a network that the dependency graph cannot trace ({e})",
            "one input tensor, one output tensor and standard layers",
            "Use a method that keeps shapes (magnitude, kernel, pattern).",
        ) from e


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
    graph = trace(_over_the_same_numbers(network.module), network.input_shape)
    known = {layer.id for layer in network.layers}
    order = {layer.id: rank for rank, layer in enumerate(network.layers)}
    names = {module: name for name, module in graph.model.named_modules()}
    groups = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for traced in graph.get_all_groups():
            groups.append(_plain(traced, names, known, order))
    return tuple(sorted(groups, key=lambda group: order.get(group.root, len(order))))


def _over_the_same_numbers(module: nn.Module) -> nn.Module:
    """Return a copy whose parameters are objects of its own, their numbers are not."""
    own = {id(one): nn.Parameter(one.detach()) for one in module.parameters()}
    return copy.deepcopy(module, own)


def _plain(
    traced: Any, names: dict[nn.Module, str], known: set[str], order: dict[str, int]
) -> CouplingGroup:
    """Turn one of Torch-Pruning's groups into plain data."""
    units = _units(traced)
    members: dict[tuple[str, Side], Member] = {}
    norms: dict[str, NormMember] = {}
    blocked: str | None = None
    for item in traced:
        node, module = item.dep.target, item.dep.target.module
        name = names.get(module, "") if isinstance(module, nn.Module) else ""
        if isinstance(module, (nn.Conv2d, nn.Linear)) and name in known:
            side = side_of(item.dep.handler)
            spread = _spread(item, units, _width(module, side))
            members[name, side] = Member(name, side, spread)
            if isinstance(module, nn.Conv2d) and module.groups > 1:
                blocked = blocked or _uneven(name, module, side, spread)
        elif isinstance(module, nn.modules.batchnorm._BatchNorm):
            norms[name] = NormMember(name, _spread(item, units, module.num_features))
        else:
            blocked = blocked or _reason(node, name)
    root = names[traced[0].dep.target.module]
    ordered = sorted(members.values(), key=lambda m: (m.side == "in", order[m.layer]))
    if not any(member.side == "in" for member in ordered):
        blocked = blocked or "these channels are the network's output"
    size = int(units.max()) + 1
    return CouplingGroup(root, size, tuple(ordered), tuple(norms.values()), blocked)


def side_of(handler: Any) -> Side:
    """Return the side that a handler cuts; a depthwise layer is cut by its rows."""
    return "out" if handler.__name__ == "prune_out_channels" else "in"


def _width(module: nn.Conv2d | nn.Linear, side: Side) -> int:
    """Return the number of channels of one side of a layer."""
    if isinstance(module, nn.Linear):
        return module.out_features if side == "out" else module.in_features
    return module.out_channels if side == "out" else module.in_channels


def _units(traced: Any) -> np.ndarray:
    """Return the unit of every root channel; grouped convolutions merge channels."""
    roots = len(traced[0].idxs)
    parent = np.arange(roots)

    def find(channel: int) -> int:
        while parent[channel] != channel:
            channel = int(parent[channel])
        return channel

    for item in traced:
        module = item.dep.target.module
        if not isinstance(module, nn.Conv2d) or module.groups == 1:
            continue
        if module.groups == module.out_channels:
            continue
        side = side_of(item.dep.handler)
        span = _width(module, side) // module.groups
        first: dict[int, int] = {}
        for channel, root in zip(item.idxs, item.root_idxs, strict=True):
            leader = first.setdefault(channel % span, root)
            parent[find(root)] = find(leader)
    leaders = [find(channel) for channel in range(roots)]
    rank = {leader: unit for unit, leader in enumerate(sorted(set(leaders)))}
    return np.array([rank[leader] for leader in leaders])


def _spread(item: Any, units: np.ndarray, width: int) -> np.ndarray:
    """Return the unit of each of a layer's channels, -1 for those outside."""
    spread = np.full(width, -1)
    spread[np.asarray(item.idxs, dtype=np.int64)] = units[np.asarray(item.root_idxs)]
    return spread


def _uneven(name: str, module: nn.Conv2d, side: Side, spread: np.ndarray) -> str | None:
    """Return why a grouped layer cannot lose these channels evenly, or None."""
    if side == "in" and (spread < 0).any():
        return f"the grouped layer {name!r} reads a concatenation"
    if module.groups == module.out_channels != module.in_channels:
        return f"the grouped layer {name!r} has one filter a group of several channels"
    return None


def _reason(node: Any, name: str) -> str | None:
    """Return why a node blocks the removal of its channels, or None."""
    free = {
        tp.ops.OPTYPE.ELEMENTWISE,
        tp.ops.OPTYPE.CONCAT,
        tp.ops.OPTYPE.RESHAPE,
        tp.ops.OPTYPE.PRELU,
    }
    if node.type in free:
        return None
    if node.type == tp.ops.OPTYPE.OUTPUT:
        return "these channels are the network's output"
    kind = type(node.module).__name__.strip("_")
    return f"the channels pass through {name or kind!r} ({kind})"
