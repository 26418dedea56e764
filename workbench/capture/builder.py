"""Collects graph nodes while a foreign graph is walked.

Belongs here: naming and shape bookkeeping that every importer needs. Does not
belong here: knowledge of torch or ONNX operations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from workbench.engine.graph.graph import Foreign, Graph, Node, prune_dead, shape_of
from workbench.engine.graph.signature import ONLY_INPUT, Signature

WEIGHTED = (
    *("conv2d", "winograd_conv2d", "linear", "batchnorm"),
    *("tokens_linear", "conv_transpose2d", "conv3d"),
)


@dataclass(frozen=True)
class Value:
    """A tensor of the graph being built.

    Parameters
    ----------
    id : str
        The node that makes it.
    shape : tuple of int
        In the graph: without the batch.
    batch : int or None
        The axis of the framework's tensor that is the batch, of size one; None where it
        was merged with another axis or taken away.
    kind : str
        The framework's type of its numbers; the graph's are float32, whatever it is.
    """

    id: str
    shape: tuple[int, ...]
    batch: int | None = 0
    kind: str = "float32"

    @property
    def full(self) -> tuple[int, ...]:
        """The framework's shape of the tensor, for one image."""
        if self.batch is None:
            return self.shape
        return (*self.shape[: self.batch], 1, *self.shape[self.batch :])


class GraphBuilder:
    """Grows a `Graph` node by node, in execution order.

    Parameters
    ----------
    name : str
        Name of the graph.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[Node] = []
        self._places: dict[str, int] = {}
        self._numbers: dict[str, int] = {}
        self._path, self._call, self._fallback = "", 0, ""

    def at(self, path: str, call: int, fallback: str) -> None:
        """Say which module the next nodes come from.

        Parameters
        ----------
        path : str
            Qualified module name; may be empty.
        call : int
            0 for the first call of that module, 1 for the second, ...
        fallback : str
            Name to use where the module path does not name one operation.
        """
        self._path, self._call, self._fallback = path, call, fallback

    @property
    def where(self) -> str:
        """Return the name of the layer being read, for error messages."""
        return self._path or self._fallback

    def __len__(self) -> int:
        return len(self._nodes)

    def ids(self, since: int) -> list[str]:
        """Return the ids of the nodes that were added after so many others."""
        return [node.id for node in self._nodes[since:]]

    def input(self, shape: tuple[int, ...], name: str = ONLY_INPUT) -> Value:
        """Add an input with the given shape (without batch); all come first."""
        node = Node(name, "input", (), shape, {"shape": shape})
        shape_of(node, [])
        self._place(node)
        return Value(name, shape)

    def add(
        self,
        op: str,
        inputs: Sequence[Value],
        *,
        attrs: Mapping[str, Any] | None = None,
        params: Mapping[str, ArrayLike] | None = None,
        foreign: Foreign | None = None,
    ) -> Value:
        """Add one node and return its tensor; the shape is inferred."""
        attrs = attrs or {}
        arrays = {
            name: np.ascontiguousarray(array, np.float32)
            for name, array in (params or {}).items()
        }
        ids = tuple(v.id for v in inputs)
        node = Node(self._unique(op), op, ids, (), attrs, arrays, foreign)
        shape = shape_of(node, [v.shape for v in inputs])
        self._place(node.but(shape=shape))
        return Value(node.id, shape)

    def like(
        self,
        x: Value,
        op: str,
        *,
        attrs: Mapping[str, Any] | None = None,
        params: Mapping[str, ArrayLike] | None = None,
    ) -> Value:
        """Add a node that reads one tensor and leaves its batch where it is."""
        made = self.add(op, [x], attrs=attrs, params=params)
        return replace(made, batch=x.batch, kind=x.kind)

    def attrs(self, x: Value) -> Mapping[str, Any]:
        """Return the attributes of the node that makes a tensor."""
        return self._made(x.id).attrs

    def before(self, x: Value, op: str) -> Value | None:
        """Return what the node reads that makes a tensor, if that is one ``op``."""
        node = self._made(x.id)
        if node.op != op:
            return None
        return Value(node.inputs[0], self._made(node.inputs[0]).shape)

    def _made(self, node_id: str) -> Node:
        return self._nodes[self._places[node_id]]

    def graph(
        self, results: str | Sequence[str], names: Signature | None = None
    ) -> Graph:
        """Return the finished graph; nodes that nobody needs are left out.

        Parameters
        ----------
        results : str or sequence of str
            Nodes whose tensors come out.
        names : Signature, optional
            Of inputs and outputs.
        """
        kept = results if isinstance(results, str) else tuple(results)
        needed = (kept,) if isinstance(kept, str) else kept
        return Graph(self._name, prune_dead(needed, self._nodes), kept, names)

    def _unique(self, op: str) -> str:
        base = self._path or self._fallback
        if self._call:
            base = f"{base}@{self._call}"
        leaf = base.rpartition(".")[2]
        owns_path = op in WEIGHTED or op.partition("_")[0] in leaf.lower()
        name = base if owns_path else f"{base}.{op}"
        key = f"{base}.{op}"
        while name in self._places:
            # Counted on from the last one: a thousand nodes may share a name.
            number = self._numbers[key] = self._numbers.get(key, 1) + 1
            name = f"{key}{number}"
        return name

    def _place(self, node: Node) -> None:
        self._places[node.id] = len(self._nodes)
        self._nodes.append(node)
