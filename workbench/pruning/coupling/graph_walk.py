"""The coupling groups of an engine's graph, without torch.

Belongs here: the walk over the nodes. Does not belong here: what an operation does
(``engine_ops``), and modules of torch (``watch``).

A graph has its sizes as attributes, not in code, so that nothing is tried: whoever
cuts a graph writes the sizes anew.
"""

from __future__ import annotations

from workbench.engine.graph.graph import Graph
from workbench.pruning.coupling.book import Book
from workbench.pruning.coupling.engine_ops import LAYERS, RULES, Step, unknown
from workbench.pruning.coupling.labels import Array
from workbench.pruning.coupling.units import groups_of
from workbench.pruning.coupling.values import CouplingGroup


def graph_groups(graph: Graph) -> tuple[CouplingGroup, ...]:
    """Return every coupling group of a graph, in its order.

    Layers are nodes with a weight, parameters are "node.parameter"; the calls of a
    shared layer ("head", "head@1") are one layer.

    Parameters
    ----------
    graph : Graph
        As captured: batch norms and activations are nodes of their own.

    Examples
    --------
    >>> from workbench.engine.graph.graph import Node
    >>> import numpy as np
    >>> def numbers(*shape):
    ...     weight = np.ones(shape, np.float32)
    ...     return {"weight": weight, "bias": weight[:, 0, 0, 0].copy()}
    >>> nodes = (
    ...     Node("in", "input", (), (3, 4, 4)),
    ...     Node("a", "conv2d", ("in",), (4, 4, 4), {}, numbers(4, 3, 1, 1)),
    ...     Node("r", "relu", ("a",), (4, 4, 4)),
    ...     Node("b", "conv2d", ("r",), (2, 4, 4), {}, numbers(2, 4, 1, 1)),
    ... )
    >>> [(g.producers, g.consumers) for g in graph_groups(Graph("net", nodes, ("b",)))]
    [(('a',), ('b',)), (('b',), ())]
    """
    book = Book()
    values: dict[str, Array] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for node in graph:
        shapes[node.id] = (1, *node.shape)
        step = Step(
            node,
            [values[name] for name in node.inputs],
            [shapes[name] for name in node.inputs],
            book,
        )
        labels = RULES.get(node.op, unknown)(step)
        if labels.ndim != len(node.shape) + 1:
            # A pooled map of no rows and columns.
            labels = labels.reshape(1, -1, *[1] * (len(node.shape) - 1))
        values[node.id] = labels
        book.see(labels)
    for name in graph.outputs:
        book.labels.block(values[name], "these channels are the network's output")
    book.settle()
    return groups_of(book, _widths(graph))


def _widths(graph: Graph) -> dict[str, tuple[int, int]]:
    found = {}
    for node in graph:
        if node.op in LAYERS:
            outputs, inputs = node.params["weight"].shape[:2]
            groups = node.attrs.get("groups", 1)
            found[node.id.partition("@")[0]] = outputs, inputs * groups
    return found
