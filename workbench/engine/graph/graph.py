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

from workbench.engine.graph.field_kinds import is_whole
from workbench.engine.graph.fields import MOST_NODES
from workbench.engine.graph.ops import COVERED, infer_shape
from workbench.engine.graph.signature import Signature, default_signature
from workbench.engine.stored.filed import FiledParams
from workbench.errors import WorkbenchError

INPUT = "input"

T = TypeVar("T")

Foreign = Callable[[Sequence[NDArray[np.float32]]], NDArray[np.float32]]


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
    foreign : callable, optional
        From inputs to the result, for an operation that only the framework knows from
        which the network came (op ``foreign``). It is in no file.
    """

    id: str
    op: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    foreign: Foreign | None = None
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
            "foreign": self.foreign,
        }
        return Node(**{**fields, **changes})


def _fixed(params: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
    """Return parameters that nobody can exchange; those of a file stay there."""
    if isinstance(params, (FiledParams, MappingProxyType)):
        return params
    return MappingProxyType(dict(params))


@dataclass(frozen=True, eq=False)
class Graph:
    """A network of any number of inputs and outputs, nodes in execution order.

    Parameters
    ----------
    name : str
        What people call the network.
    nodes : tuple of Node
        The inputs (op ``input``) come first; every node reads only earlier ones.
    results : str or tuple of str
        Ids of the nodes whose tensors are the results; a node may be one twice.
    names : Signature, optional
        What inputs and outputs are called, and the structure of the results; by
        ``default_signature`` if not given.

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
    results: str | tuple[str, ...]
    names: Signature | None = None

    def __post_init__(self) -> None:
        _validate(self)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Ids of the input nodes, in order."""
        return tuple(node.id for node in self.nodes if node.op == INPUT)

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """Ids of the nodes whose tensors are the results, in order."""
        return (self.results,) if isinstance(self.results, str) else self.results

    @cached_property
    def signature(self) -> Signature:
        """What inputs and outputs are called, and how results come back."""
        return self.names or default_signature(self.inputs, self.outputs)

    @property
    def output(self) -> str:
        """Id of the only node whose tensor is a result.

        Raises
        ------
        GraphError
            There are several.
        """
        return _only(self.outputs, "output", self.name)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of the only input without the batch axis; a GraphError of several."""
        return self.node(_only(self.inputs, "input", self.name)).shape

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the only result without the batch axis; a GraphError of several."""
        return self.node(self.output).shape

    @property
    def input_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the inputs without the batch axis."""
        return tuple(self.node(name).shape for name in self.inputs)

    @property
    def output_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the results without the batch axis."""
        return tuple(self.node(name).shape for name in self.outputs)

    def but(self, nodes: Sequence[Node], results: str | Sequence[str]) -> "Graph":
        """Return a graph of other nodes with the same name and signature."""
        kept = results if isinstance(results, str) else tuple(results)
        return Graph(self.name, tuple(nodes), kept, self.names)

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
        if node.op == INPUT and graph.nodes[max(0, position - 1)].op != INPUT:
            raise GraphError(
                f"an input {node.id!r} behind other nodes",
                "all inputs first",
                "Capture the network again.",
            )
        if node.id in shapes:
            raise GraphError(
                f"two nodes called {node.id!r}",
                "unique ids",
                "Append the call number to the second one.",
            )
        if (node.op == "foreign") != (node.foreign is not None):
            raise GraphError(
                f"node {node.id!r} ({node.op}) with{'out' * (not node.foreign)} a "
                "function of another framework",
                "one for each foreign operation and for no other",
                "Capture the network again: no file holds such functions.",
            )
        _check_node(node, shapes)
        shapes[node.id] = node.shape
    _check_ends(graph, shapes)


def _check_ends(graph: Graph, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Check what comes out, and the names of inputs and outputs."""
    outputs = graph.outputs
    whole = isinstance(outputs, tuple) and 0 < len(outputs) <= MOST_NODES
    strange: Any = outputs
    if whole:
        found = [o for o in outputs if not isinstance(o, str) or o not in shapes]
        strange = found[0] if found else None
    if strange is not None:
        raise GraphError(
            f"output {strange!r} is no node of the graph",
            "the id of a node",
            "Capture the network again.",
        )
    objection = graph.signature.objection(len(graph.inputs), len(outputs))
    if objection:
        raise GraphError(
            f"graph {graph.name!r} with {objection}",
            "a name of its own for each input and output",
            "Capture the network again.",
        )


def _only(ids: Sequence[str], kind: str, name: str) -> str:
    """Return the only id; refuse to choose one of several."""
    if len(ids) == 1:
        return ids[0]
    raise GraphError(
        f"graph {name!r} with {len(ids)} {kind}s",
        f"a network with one {kind}",
        f"This step works on one {kind}: wrap the network so that it has one.",
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


def prune_dead(outputs: Sequence[str], nodes: Sequence[Node]) -> tuple[Node, ...]:
    """Return the nodes that the outputs depend on, and the inputs, in order."""
    needed = set(outputs)
    for node in reversed(nodes):
        if node.id in needed:
            needed.update(node.inputs)
    return tuple(n for n in nodes if n.id in needed or n.op == INPUT)
