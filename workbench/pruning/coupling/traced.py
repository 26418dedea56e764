"""Torch-Pruning's dependency graph, walked in bounded time.

Belongs here: tracing a network, and listing from one layer's output channels every
place that must lose channels with them. Does not belong here: what a place means for
pruning (``groups``), and whether the traced graph is true (``flow``).

The library finds the width of a tensor by asking the operations around it in turn,
which does not end in some networks; here the widths are read off autograd's records. It
also walks every path of a group; here each channel of a place is visited once.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch_pruning as tp
from torch import nn
from torch_pruning import _helpers

# What the library raises where it does not understand a network.
TRACE_ERRORS = (
    RuntimeError,
    ValueError,
    AttributeError,
    AssertionError,
    TypeError,
    LookupError,
    ArithmeticError,
)
# Questions about widths that one trace may ask: a ResNet-152 asks about 10,000.
_QUESTIONS = 1_000_000
_WIDEST = 1 << 16
_MANY_PARTS = (tp.ops.OPTYPE.SPLIT, tp.ops.OPTYPE.UNBIND)


class TooEntangledError(RuntimeError):
    """The library asks without end how wide the tensors of a network are."""


class Graph(tp.DependencyGraph):  # type: ignore[misc]
    """The dependency graph, with widths as autograd recorded them."""

    def __init__(self) -> None:
        super().__init__()
        self.questions = 0

    def get_out_channels(self, module_or_node: Any) -> int | None:
        """Return how many channels a node puts out, or None."""
        known = super().get_out_channels(module_or_node)
        if known is None and isinstance(module_or_node, tp.dependency.Node):
            return self._recorded(module_or_node)
        return known  # type: ignore[no-any-return]

    def get_in_channels(self, module_or_node: Any) -> int | None:
        """Return how many channels a node reads, or None."""
        known = super().get_in_channels(module_or_node)
        if known is None and isinstance(module_or_node, tp.dependency.Node):
            node = module_or_node
            if node.type in (tp.ops.OPTYPE.ELEMENTWISE, tp.ops.OPTYPE.CONCAT):
                return self._recorded(node)
            return self._recorded(node.inputs[0]) if node.inputs else None
        return known  # type: ignore[no-any-return]

    def width_at(self, node: Any) -> int:
        """Return how many channels a node reads or puts out at most."""
        around = [self.get_out_channels(node), self.get_in_channels(node)]
        around += [self.get_out_channels(one) for one in node.inputs]
        return max((width for width in around if width), default=_WIDEST)

    def _recorded(self, node: Any) -> int | None:
        self.questions += 1
        if self.questions > _QUESTIONS:
            raise TooEntangledError("too many operations that depend on each other")
        records = getattr(node.grad_fn, "_input_metadata", ())
        if node.type in _MANY_PARTS or not records:
            return None
        shape = records[0].shape
        return int(shape[1]) if len(shape) > 1 else None


def over_the_same_numbers(module: nn.Module) -> nn.Module:
    """Return a copy whose parameters are objects of its own, their numbers are not."""
    own = {id(one): nn.Parameter(one.detach(), False) for one in module.parameters()}
    return copy.deepcopy(module, own)


def trace(module: nn.Module, input_shape: Sequence[int]) -> Graph:
    """Return the dependency graph of ``module``, which is traced in place.

    Raises
    ------
    One of TRACE_ERRORS
        The library does not understand the network.
    """
    for parameter in module.parameters():
        parameter.requires_grad_(parameter.is_floating_point())
    # Of a bare tensor the library takes the first axis for a list of arguments, and the
    # network would see an image without a batch.
    example = (torch.zeros(1, *input_shape),)
    graph = Graph()
    with warnings.catch_warnings(), torch.enable_grad():
        warnings.simplefilter("ignore")
        graph.build_dependency(module, example_inputs=example, verbose=False)
    return graph


@dataclass
class Place:
    """A node's side that loses channels together with the root's.

    Parameters
    ----------
    node : Any
        The library's node.
    handler : str
        Name of the library's function that cuts it.
    width : int
        Channels that the place has at most.
    roots : dict of int to int
        Channel of the place to the first output channel of the root that reached it.
    """

    node: Any
    handler: str
    width: int
    roots: dict[int, int] = field(default_factory=dict)


@dataclass
class Walk:
    """Everything that hangs on one root layer's output channels.

    Parameters
    ----------
    root : nn.Module
        The layer.
    places : list of Place
        The root's own side first.
    ties : list of (int, int)
        Pairs of the root's channels that meet in one channel somewhere.
    failure : str
        Why the walk stopped early; "" where it did not.
    """

    root: nn.Module
    places: list[Place]
    ties: list[tuple[int, int]] = field(default_factory=list)
    failure: str = ""


def walks(graph: Graph) -> Iterator[Walk]:
    """Yield a walk for each layer whose outputs no earlier walk came by."""
    seen: set[nn.Module] = set()
    for module, node in list(graph.module2node.items()):
        if not isinstance(module, tp.ops.TORCH_CONV | tp.ops.TORCH_LINEAR):
            continue
        if module in seen:
            continue
        found = _walk(graph, node)
        for place in found.places:
            if place.handler == "prune_out_channels":
                seen.add(place.node.module)
        yield found


def _walk(graph: Graph, node: Any) -> Walk:
    """Return all that the channels of a layer reach, each of them once."""
    start = graph.get_pruner_of_module(node.module).prune_out_channels
    channels = list(range(graph.get_out_channels(node) or 0))
    first = Place(node, start.__name__, len(channels), {c: c for c in channels})
    places = {(id(node), start.__name__): first}
    walk = Walk(node.module, [first])
    stack = [(node, start, [_helpers._HybridIndex(c, c) for c in channels])]
    while stack:
        here, cause, indices = stack.pop()
        for edge in here.dependencies:
            if not edge.is_triggered_by(cause) or _no_map(edge.target):
                continue
            try:
                there = _mapped(edge, indices)
            except TRACE_ERRORS as error:
                walk.failure = str(error) or type(error).__name__
                continue
            key = id(edge.target), edge.handler.__name__
            place = places.get(key)
            if place is None and there:
                place = places[key] = Place(
                    edge.target, edge.handler.__name__, graph.width_at(edge.target)
                )
                walk.places.append(place)
            if place is not None and any(index.idx >= place.width for index in there):
                walk.failure = "tensors of different widths meet"
                there = [index for index in there if index.idx < place.width]
            fresh = []
            for index in there:
                known = place.roots.get(index.idx) if place is not None else None
                if known is None and place is not None:
                    place.roots[index.idx] = index.root_idx
                    fresh.append(index)
                elif known is not None and known != index.root_idx:
                    walk.ties.append((known, index.root_idx))
            if fresh:
                stack.append((edge.target, edge.handler, fresh))
    return walk


def _no_map(node: Any) -> bool:
    """Return whether a node stands for a transposed weight, which carries nothing."""
    return node.type == tp.ops.OPTYPE.ELEMENTWISE and not node.inputs


def _mapped(edge: Any, indices: list[Any]) -> list[Any]:
    """Return where an edge carries the channels."""
    for mapping in edge.index_mapping:
        if mapping is not None:
            indices = mapping(indices)
    return indices
