"""The engine's network: an immutable list of typed nodes, no torch anywhere.

Belongs here: `Node`, `Graph` and the checks that make a graph well formed.
Does not belong here: what each operation computes (`ops`), rewriting
(`passes`), anything about memory (`layout`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from workbench.engine.graph.fields import MOST_NODES, is_whole
from workbench.engine.graph.ops import COVERED, infer_shape
from workbench.engine.stored.filed import FiledParams
from workbench.errors import WorkbenchError

INPUT = "input"

T = TypeVar("T")


class GraphError(WorkbenchError):
    """A graph that cannot be right: dangling names, wrong shapes, unknown ops."""


class UncoveredOp(GraphError):
    """An operation the engine does not have, refused before anything runs.

    Parameters
    ----------
    op, where : str
        Operation and layer.
    also : str
        More of them, as text that follows.
    covered : iterable of str
        What could have been used instead.
    """

    def __init__(
        self, op: str, where: str, also: str = "", covered: Iterable[str] = COVERED
    ) -> None:
        super().__init__(
            f"operation {op!r} in layer {where!r}{also}",
            "one of the covered operations: " + ", ".join(sorted(covered)),
            "Replace that layer by covered ones, or run the network in torch.",
        )


@dataclass(frozen=True, eq=False)
class Node:
    """One operation and the tensor it makes.

    Parameters
    ----------
    id : str
        Unique name; the qualified module name where there is one.
    op : str
        One of `workbench.engine.graph.ops.COVERED`.
    inputs : tuple of str
        Ids of the nodes whose tensors are read.
    shape : tuple of int
        Shape of the output without the batch axis: (C, H, W) or (F,).
    attrs : mapping
        Plain values that JSON can hold (numbers, strings, tuples).
    params : mapping of str to numpy.ndarray
        Weights, float32.
    """

    id: str
    op: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    _facts: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "attrs", MappingProxyType(dict(self.attrs)))
        object.__setattr__(self, "params", _fixed(self.params))

    def remember(self, name: str, find: Callable[[], T]) -> T:
        """Return a small fact about the node that takes long to find: found once.

        Parameters
        ----------
        name : str
            Of the fact; it may depend on nothing but the node.
        find : callable
            Finds it.
        """
        if name not in self._facts:
            self._facts[name] = find()
        found: T = self._facts[name]
        return found

    def but(self, **changes: Any) -> "Node":
        """Return a copy with some fields replaced."""
        fields = {
            "id": self.id,
            "op": self.op,
            "inputs": self.inputs,
            "shape": self.shape,
            "attrs": self.attrs,
            "params": self.params,
        }
        return Node(**{**fields, **changes})


def _fixed(params: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
    """Return parameters that nobody can exchange; those of a file stay there."""
    if isinstance(params, (FiledParams, MappingProxyType)):
        return params
    return MappingProxyType(dict(params))


@dataclass(frozen=True, eq=False)
class Graph:
    """A network with one input and one output, nodes in execution order.

    Parameters
    ----------
    name : str
        What people call the network.
    nodes : tuple of Node
        The first one is the input (op ``input``); every node reads only
        earlier ones.
    output : str
        Id of the node whose tensor is the result.

    Raises
    ------
    GraphError
        Names that do not resolve, duplicates, shapes that contradict the
        operation.
    UncoveredOp
        An operation the engine does not have.
    """

    name: str
    nodes: tuple[Node, ...]
    output: str

    def __post_init__(self) -> None:
        _validate(self)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of the input without the batch axis."""
        return self.nodes[0].shape

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the result without the batch axis."""
        return self.node(self.output).shape

    def node(self, node_id: str) -> Node:
        """Return the node called ``node_id``."""
        try:
            return self._by_id[node_id]
        except KeyError:
            raise GraphError(
                f"no node {node_id!r} in graph {self.name!r}",
                "one of " + ", ".join(n.id for n in self.nodes),
                "Check the layer id.",
            ) from None

    @cached_property
    def _by_id(self) -> Mapping[str, Node]:
        return {node.id: node for node in self.nodes}

    def consumers(self) -> dict[str, tuple[str, ...]]:
        """Return, for each node id, the ids of the nodes that read it."""
        readers: dict[str, list[str]] = {node.id: [] for node in self.nodes}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                readers[name].append(node.id)
        return {name: tuple(ids) for name, ids in readers.items()}


def _validate(graph: Graph) -> None:
    if not graph.nodes or graph.nodes[0].op != INPUT:
        raise GraphError(
            f"graph {graph.name!r} does not start with its input",
            "a first node with op 'input'",
            "Capture the network again.",
        )
    if len(graph.nodes) > MOST_NODES:
        raise GraphError(
            f"graph {graph.name!r} of {len(graph.nodes)} nodes",
            f"at most {MOST_NODES}",
            "Split the network.",
        )
    shapes: dict[str, tuple[int, ...]] = {}
    for position, node in enumerate(graph.nodes):
        if not all(isinstance(n, str) for n in (node.id, node.op, *node.inputs)):
            raise GraphError(
                f"node {position} with an id, operation or input that is no name",
                "strings",
                "Capture the network again.",
            )
        if node.op not in COVERED:
            raise UncoveredOp(node.op, node.id)
        if node.op == INPUT and position:
            raise GraphError(
                f"a second input {node.id!r}",
                "networks with exactly one input",
                "Split the network, or feed a constant.",
            )
        if node.id in shapes:
            raise GraphError(
                f"two nodes called {node.id!r}",
                "unique ids",
                "Append the call number to the second one.",
            )
        _check_node(node, shapes)
        shapes[node.id] = node.shape
    if not isinstance(graph.output, str) or graph.output not in shapes:
        raise GraphError(
            f"output {graph.output!r} is no node of the graph",
            "the id of a node",
            "Capture the network again.",
        )


def _check_node(node: Node, shapes: Mapping[str, tuple[int, ...]]) -> None:
    for name in node.inputs:
        if name not in shapes:
            raise GraphError(
                f"node {node.id!r} reads {name!r}, which is not computed before it",
                "inputs among the earlier nodes",
                "Sort the nodes into execution order.",
            )
    params = node.params
    if isinstance(params, FiledParams):
        params = params.outlines()
    for name, array in params.items():
        held = np.uint8 if name in ("indices", "keep") else np.float32
        whole = array.flags.c_contiguous or params is not node.params
        if array.dtype != held or not whole:
            raise GraphError(
                f"parameter {name!r} of {node.id!r} is {array.dtype}",
                f"C-contiguous {np.dtype(held).name}",
                f"Convert it with numpy.ascontiguousarray(a, numpy.{held.__name__}).",
            )
    expected = shape_of(node, [shapes[name] for name in node.inputs], params)
    if tuple(node.shape) != tuple(expected) or not all(
        is_whole(size) for size in node.shape
    ):
        raise GraphError(
            f"node {node.id!r} ({node.op}) declares the shape {tuple(node.shape)}",
            f"{tuple(expected)} from its inputs and parameters",
            "Capture the network again, or correct the padding and stride.",
        )


def shape_of(
    node: Node,
    inputs: Sequence[tuple[int, ...]],
    params: Mapping[str, NDArray[Any]] | None = None,
) -> tuple[int, ...]:
    """Return the shape that a node makes, once everything about it is in range.

    Parameters
    ----------
    node : Node
        Its own shape is not looked at, but for the input's.
    inputs : sequence of tuple
        Shapes of its inputs.
    params : mapping, optional
        Stand in for the node's parameters where only their shapes are at hand.

    Raises
    ------
    GraphError
        As `workbench.engine.graph.ops.infer_shape`, with the node's name.
    """
    held = node.params if params is None else params
    attrs = node.attrs
    if node.op == INPUT:
        attrs = {"shape": node.shape, **attrs}
    try:
        return infer_shape(node.op, inputs, attrs, held)
    except WorkbenchError as error:
        raise GraphError(
            f"layer {node.id!r}: {error.found}", error.expected, error.next_step
        ) from error


def prune_dead(graph_output: str, nodes: Sequence[Node]) -> tuple[Node, ...]:
    """Return the nodes that the output depends on, and the input, in order."""
    needed = {graph_output}
    for node in reversed(nodes):
        if node.id in needed:
            needed.update(node.inputs)
    return tuple(n for n in nodes if n.id in needed or n.op == INPUT)
