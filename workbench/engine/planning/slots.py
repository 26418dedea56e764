"""Which tensors share memory: parts of a concat, slices, views.

Belongs here: alias analysis and the zeros that the readers of each slot need.
Does not belong here: layouts (`select`) and addresses (`arena`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from workbench.engine.candidates.base import Form
from workbench.engine.candidates.conv import (
    conv_forms,
    depthwise_forms,
    is_depthwise,
    pad_of,
)
from workbench.engine.graph.graph import Graph, Node
from workbench.engine.graph.ops import CONVOLUTIONS
from workbench.engine.layout.layout import (
    Layout,
    Pad,
    image_of,
    make_layout,
    split_layout,
)


@dataclass(frozen=True)
class Part:
    """Channels of a slot: where one value of the graph lives."""

    slot: str
    first: int
    channels: int


@dataclass(frozen=True, eq=False)
class Slots:
    """The memory classes of a graph.

    Parameters
    ----------
    parts : mapping of str to Part
        For every node id, its slot and channel range.
    shapes : mapping of str to tuple
        (C, H, W) of each slot.
    pads : mapping of str to mapping of int to Pad
        For each slot and phase split, the zeros its readers need. Slots whose
        tensors are added together have equal ones, so their layouts match.
    """

    parts: Mapping[str, Part]
    shapes: Mapping[str, tuple[int, int, int]]
    pads: Mapping[str, Mapping[int, Pad]]

    def layout(self, slot: str, form: Form, channels: int = 0) -> Layout:
        """Return the layout of a slot, or of some of its channels, in a form."""
        total, height, width = self.shapes[slot]
        shape = (channels or total, height, width)
        pad = self.pads[slot].get(form.split, Pad())
        if form.split == 1:
            return make_layout(form.kind, shape, pad)
        return split_layout(form.kind, shape, form.split, pad)


def find_slots(graph: Graph) -> Slots:
    """Return which values of a simplified graph share memory.

    Slices live inside what they cut. The parts of a concat are written
    straight into it, unless a part is already somewhere else.

    Parameters
    ----------
    graph : Graph

    Returns
    -------
    Slots
    """
    nodes = {node.id: node for node in graph}
    parent = _aliases(graph, nodes)
    parts = {
        node.id: Part(*_resolve(parent, node.id), image_of(node.shape)[0])
        for node in graph
    }
    shapes = {
        slot: image_of(nodes[slot].shape) for slot in {p.slot for p in parts.values()}
    }
    return Slots(parts, shapes, _pads(graph, nodes, parts))


def is_view(node: Node, parts: Mapping[str, Part]) -> bool:
    """Say whether a node only renames memory."""
    if node.op not in ("flatten", "reshape"):
        return False
    source, mine = parts[node.inputs[0]], parts[node.id]
    return (source.slot, source.first) == (mine.slot, mine.first)


def _aliases(graph: Graph, nodes: Mapping[str, Node]) -> dict[str, tuple[str, int]]:
    parent: dict[str, tuple[str, int]] = {}
    for node in graph:
        if node.op == "slice":
            parent[node.id] = (node.inputs[0], node.attrs["start"])
        elif node.op in ("flatten", "reshape"):
            source = nodes[node.inputs[0]]
            # A vector is stored alike, whichever of its axes is the long one.
            vector = prod(source.shape[1:]) == 1 and prod(node.shape[1:]) == 1
            if vector or image_of(source.shape) == image_of(node.shape):
                parent[node.id] = (source.id, 0)
    for node in reversed(graph.nodes):
        if node.op != "concat":
            continue
        first = 0
        for name in node.inputs:
            free = name not in parent and node.inputs.count(name) == 1
            if free and image_of(nodes[name].shape)[1:] == image_of(node.shape)[1:]:
                parent[name] = (node.id, first)
            first += nodes[name].shape[0]
    return parent


def _resolve(parent: Mapping[str, tuple[str, int]], name: str) -> tuple[str, int]:
    first = 0
    while name in parent:
        name, offset = parent[name]
        first += offset
    return name, first


def _pads(
    graph: Graph, nodes: Mapping[str, Node], parts: Mapping[str, Part]
) -> dict[str, dict[int, Pad]]:
    pads: dict[str, dict[int, Pad]] = {part.slot: {} for part in parts.values()}
    for node in graph:
        if node.op not in ("conv2d", "palette_conv2d"):
            continue
        shape = nodes[node.inputs[0]].shape
        slot = pads[parts[node.inputs[0]].slot]
        alone = node.op == "conv2d" and is_depthwise(node)
        forms = depthwise_forms if alone else conv_forms
        for split in {form.split for form in forms(node, shape)}:
            slot[split] = slot.get(split, Pad()) | pad_of(node, shape, split)
    for group in _tied(graph, nodes, parts):
        shared = Pad()
        for name in group:
            shared = shared | pads[name].get(1, Pad())
        for name in group:
            pads[name][1] = shared
    return pads


def _tied(
    graph: Graph, nodes: Mapping[str, Node], parts: Mapping[str, Part]
) -> list[set[str]]:
    """Return groups of slots that should have equal layouts."""
    above = {part.slot: part.slot for part in parts.values()}

    def top(slot: str) -> str:
        while above[slot] != slot:
            above[slot] = above[above[slot]]
            slot = above[slot]
        return slot

    for node in graph:
        operands = node.inputs[1:] if node.op in CONVOLUTIONS else node.inputs
        for name in operands:
            if nodes[name].shape == node.shape:
                above[top(parts[name].slot)] = top(parts[node.id].slot)
    groups: dict[str, set[str]] = {}
    for slot in above:
        groups.setdefault(top(slot), set()).add(slot)
    return list(groups.values())
