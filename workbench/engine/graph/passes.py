"""Rewrites that make a graph cheaper without changing what it computes.

Belongs here: folding batch norm, fusing activations and residual adds into the
layer that produces them, dropping identities and dead nodes. Does not belong
here: choices that depend on the machine (`select`).

Every pass maps a list of nodes to a list of nodes; `simplify` runs them.
"""

from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from workbench.engine.graph.activation_forms import fuse_forms
from workbench.engine.graph.array_passes import (
    pads_to_convs,
    patches_to_pixels,
    sink_permutes,
    tokens_to_pixels,
)
from workbench.engine.graph.fields import act_of
from workbench.engine.graph.graph import INPUT, Graph, Node, prune_dead
from workbench.engine.graph.ops import ACTIVATIONS, CONVOLUTIONS, LINEARS
from workbench.engine.graph.palette import hold_palettes
from workbench.engine.graph.transposed import transposed_to_convs

Nodes = list[Node]
Outputs = tuple[str, ...]
Pass = Callable[[Nodes, Outputs], tuple[Nodes, Outputs]]

PRODUCERS = (*CONVOLUTIONS, *LINEARS)
FUSES_ACTIVATION = (*PRODUCERS, "add", "mul")


def simplify(graph: Graph) -> Graph:
    """Return an equal graph with folded, fused and dropped nodes.

    Parameters
    ----------
    graph : Graph

    Returns
    -------
    Graph
        Ids of layers with weights are kept, so masks and reports still match.
    """
    nodes, outputs = list(graph.nodes), graph.outputs
    for rewrite in PASSES:
        nodes, outputs = rewrite(nodes, outputs)
        nodes = list(prune_dead(outputs, nodes))
    return graph.but(nodes, outputs)


def renamed(ids: Outputs, names: Mapping[str, str]) -> Outputs:
    """Return ids, with new names where there are such."""
    return tuple(names.get(one, one) for one in ids)


class _Editor:
    """A list of nodes under change; names resolve to the present state.

    Who reads whom and where a node stands are kept, so that a change costs what it
    touches and not the length of the list.
    """

    def __init__(self, nodes: Nodes, outputs: Outputs) -> None:
        self.outputs = outputs
        self._nodes = {node.id: node for node in nodes}
        self._places = {node.id: place for place, node in enumerate(nodes)}
        self._readers: dict[str, Counter[str]] = {node.id: Counter() for node in nodes}
        for node in nodes:
            self._note(node, 1)

    def _note(self, node: Node, times: int) -> None:
        for name in node.inputs:
            readers = self._readers[name]
            readers[node.id] += times
            if not readers[node.id]:
                del readers[node.id]

    def ids(self, *ops: str) -> list[str]:
        """Return the ids of all nodes with one of these operations, in order."""
        return [node.id for node in self.result[0] if node.op in ops]

    def __getitem__(self, node_id: str) -> Node:
        return self._nodes[node_id]

    def place(self, node_id: str) -> int:
        """Return a number that is larger for later nodes."""
        return self._places[node_id]

    def readers(self, node_id: str) -> list[Node]:
        """Return the nodes that read a node."""
        return [self._nodes[name] for name in self._readers[node_id]]

    def users(self, node_id: str) -> int:
        """Count how often a node is read, the outputs included."""
        return self._readers[node_id].total() + self.outputs.count(node_id)

    def replace(self, node: Node) -> None:
        """Put a changed node in the place of the one with the same id."""
        self._note(self._nodes[node.id], -1)
        self._nodes[node.id] = node
        self._note(node, 1)

    def merge(self, removed: str, into: Node, *, late: bool = False) -> None:
        """Drop a node; its readers read ``into``, which stays where it was.

        With ``late`` the node ``into`` moves to the place of the dropped one.
        """
        self.replace(into)
        if late:
            self._places[into.id] = self._places[removed]
        for reader in self.readers(removed):
            inputs = tuple(into.id if i == removed else i for i in reader.inputs)
            self.replace(reader.but(inputs=inputs))
        self._note(self._nodes.pop(removed), -1)
        del self._places[removed], self._readers[removed]
        self.outputs = renamed(self.outputs, {removed: into.id})

    @property
    def result(self) -> tuple[Nodes, Outputs]:
        """Return nodes and outputs."""
        order = sorted(self._nodes, key=self._places.__getitem__)
        return [self._nodes[name] for name in order], self.outputs


def drop_identities(nodes: Nodes, outputs: Outputs) -> tuple[Nodes, Outputs]:
    """Remove identities, pools that change nothing and flattens of vectors."""
    kept: Nodes = []
    alias: dict[str, str] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for node in nodes:
        node = node.but(inputs=renamed(node.inputs, alias))
        source = node.inputs[0] if node.inputs else ""
        same = source and shapes[source] == node.shape
        idle = node.op in ("identity", "adaptive_avg_pool", "flatten") or (
            node.op == "slice" or (node.op == "concat" and len(node.inputs) == 1)
        )
        if same and idle:
            alias[node.id] = source
        else:
            shapes[node.id] = node.shape
            kept.append(node)
    return kept, renamed(outputs, alias)


def fold_batchnorm(nodes: Nodes, outputs: Outputs) -> tuple[Nodes, Outputs]:
    """Fold scale and shift into the convolution or linear layer before them."""
    edit = _Editor(nodes, outputs)
    for name in edit.ids("batchnorm"):
        node = edit[name]
        producer = edit[node.inputs[0]]
        if producer.op in PRODUCERS and edit.users(producer.id) == 1:
            scale, shift = node.params["scale"], node.params["shift"]
            edit.merge(name, _scaled(producer, scale, shift))
        else:
            edit.replace(_as_depthwise(node))
    return edit.result


def _scaled(node: Node, scale: NDArray[np.float32], shift: NDArray[np.float32]) -> Node:
    if "indices" in node.params:
        bias = node.params["bias"] * scale.astype(np.float64) + shift
        changed = {"scale": node.params["scale"] * scale, "bias": bias}
        arrays = {k: np.ascontiguousarray(a, np.float32) for k, a in changed.items()}
        return node.but(params={**node.params, **arrays})
    weight = node.params["weight"].astype(np.float64)
    wide = scale.astype(np.float64).reshape(-1, *(1,) * (weight.ndim - 1))
    bias = node.params["bias"] * scale.astype(np.float64) + shift
    return node.but(
        params={
            "weight": np.ascontiguousarray(weight * wide, np.float32),
            "bias": np.ascontiguousarray(bias, np.float32),
        }
    )


def _as_depthwise(node: Node) -> Node:
    """Return a lone scale-and-shift as a 1x1 depthwise convolution.

    A vector is left as it is: `scale_vectors` makes pixels of it first.
    """
    channels = node.shape[0]
    if len(node.shape) != 3:
        return node
    weight = np.ascontiguousarray(node.params["scale"].reshape(channels, 1, 1, 1))
    return node.but(
        op="conv2d",
        attrs={"groups": channels},
        params={"weight": weight, "bias": node.params["shift"]},
    )


def scale_vectors(nodes: Nodes, outputs: Outputs) -> tuple[Nodes, Outputs]:
    """Scale and shift vectors as images of one pixel: a matrix would be F by F."""
    result: Nodes = []
    aliases: dict[str, str] = {}
    for node in nodes:
        node = node.but(inputs=renamed(node.inputs, aliases))
        if node.op != "batchnorm":
            result.append(node)
            continue
        pixels = (*node.shape, 1, 1)[:3]
        wide = Node(f"{node.id}.wide", "flatten", node.inputs, pixels, {"rank": 3})
        scaled = _as_depthwise(node.but(inputs=(wide.id,), shape=pixels))
        flat = Node(f"{node.id}.flat", "flatten", (node.id,), node.shape)
        aliases[node.id] = flat.id
        result += [wide, scaled, flat]
    return result, renamed(outputs, aliases)


def conv_to_linear(nodes: Nodes, outputs: Outputs) -> tuple[Nodes, Outputs]:
    """Turn ungrouped convolutions of a single pixel into linear layers.

    Those of which no tap meets the pixel, because it lies between taps or the window
    lies in the padding, stay convolutions.
    """
    shapes = {node.id: node.shape for node in nodes}
    result: Nodes = []
    for node in nodes:
        single = (
            node.op == "conv2d"
            and node.attrs.get("groups", 1) == 1
            and shapes[node.inputs[0]][1:] == (1, 1)
            and node.shape[1:] == (1, 1)
        )
        if single:
            top, left, _, _ = node.attrs.get("padding", (0, 0, 0, 0))
            dy, dx = node.attrs.get("dilation", (1, 1))
            rows, columns = node.params["weight"].shape[2:]
            met = top % dy == 0 and left % dx == 0
            if met and top // dy < rows and left // dx < columns:
                tap = node.params["weight"][:, :, top // dy, left // dx]
                params = {
                    "weight": np.ascontiguousarray(tap),
                    "bias": node.params["bias"],
                }
                done = {"act": node.attrs["act"]} if "act" in node.attrs else {}
                node = node.but(op="linear", attrs={"rank": 3, **done}, params=params)
        result.append(node)
    return result, outputs


def fuse_activation(nodes: Nodes, outputs: Outputs) -> tuple[Nodes, Outputs]:
    """Move an activation into the epilogue of the only layer that feeds it."""
    edit = _Editor(nodes, outputs)
    for name in edit.ids(*ACTIVATIONS):
        node = edit[name]
        source = producer = edit[node.inputs[0]]
        while producer.op == "reshape" and edit.users(producer.id) == 1:
            producer = edit[producer.inputs[0]]
        fits = producer.op in FUSES_ACTIVATION and "act" not in producer.attrs
        if fits and edit.users(producer.id) == 1:
            act = act_of(node.op, node.attrs)
            edit.replace(producer.but(attrs={**producer.attrs, "act": act}))
            edit.merge(name, edit[source.id])
    return edit.result


def fuse_residual(nodes: Nodes, outputs: Outputs) -> tuple[Nodes, Outputs]:
    """Let the later convolution of an add sum the residual in its epilogue."""
    edit = _Editor(nodes, outputs)
    for name in edit.ids("add"):
        add = edit[name]
        choices = [
            (edit.place(inner), inner, other)
            for inner, other in (add.inputs, add.inputs[::-1])
            if inner != other and _sums_residual(edit, inner)
        ]
        if choices:
            _, inner, other = max(choices)
            conv = edit[inner]
            attrs = dict(conv.attrs)
            if "act" in add.attrs:
                attrs["act"] = add.attrs["act"]
            fused = conv.but(inputs=(*conv.inputs, other), attrs=attrs)
            edit.merge(name, fused, late=True)
    return edit.result


def _sums_residual(edit: _Editor, name: str) -> bool:
    node = edit[name]
    plain = len(node.inputs) == 1 and "act" not in node.attrs
    return node.op in CONVOLUTIONS and plain and edit.users(name) == 1


def sink_flatten(nodes: Nodes, outputs: Outputs) -> tuple[Nodes, Outputs]:
    """Drop flattens that only linear layers read: they take tight tensors."""
    edit = _Editor(nodes, outputs)
    for name in edit.ids("flatten"):
        source = edit[edit[name].inputs[0]]
        readers = edit.readers(name)
        linear = readers and all(node.op in LINEARS for node in readers)
        if linear and name not in edit.outputs and source.op != INPUT:
            edit.merge(name, source)
    return edit.result


def global_pools(nodes: Nodes, outputs: Outputs) -> tuple[Nodes, Outputs]:
    """Name average pools over the whole plane what they are."""
    shapes = {node.id: node.shape for node in nodes}
    result: Nodes = []
    for node in nodes:
        if node.op in ("adaptive_avg_pool", "avg_pool") and node.shape[1:] == (1, 1):
            whole = node.op == "adaptive_avg_pool" or (
                tuple(node.attrs["kernel"]) == shapes[node.inputs[0]][1:]
                and not any(node.attrs.get("padding", (0,)))
                and not node.attrs.get("divisor")
            )
            if whole:
                node = node.but(op="global_avg_pool", attrs={"rank": 3})
        result.append(node)
    return result, outputs


PASSES: tuple[Pass, ...] = (
    drop_identities,
    transposed_to_convs,
    pads_to_convs,
    patches_to_pixels,
    tokens_to_pixels,
    sink_permutes,
    drop_identities,
    fuse_forms,
    global_pools,
    conv_to_linear,
    hold_palettes,
    fold_batchnorm,
    scale_vectors,
    conv_to_linear,
    fuse_activation,
    fuse_residual,
    fuse_activation,
    sink_flatten,
    drop_identities,
)
