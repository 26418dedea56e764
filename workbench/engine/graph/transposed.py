"""Transposed convolutions as ordinary ones, one for each place between two pixels.

Belongs here: a transposed convolution of stride s gives s x s images that lie between
each other; each is a convolution with every s-th tap. Does not belong here: rewrites of
other operations (`array_passes`).
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.engine.graph.fields import act_of
from workbench.engine.graph.graph import Node
from workbench.engine.graph.ops import ACTIVATIONS

Nodes = list[Node]
Outputs = tuple[str, ...]


@dataclass(frozen=True)
class _Taps:
    """The taps of one place along an axis, and the zeros around the image.

    Parameters
    ----------
    taps : tuple of int
        Places in the transposed weight, -1 for a zero.
    before, after : int
        Padding.
    """

    taps: tuple[int, ...]
    before: int
    after: int


def transposed_to_convs(nodes: Nodes, outputs: Outputs) -> tuple[Nodes, Outputs]:
    """Run transposed convolutions as ordinary ones whose results are interleaved.

    A batch norm and an activation behind one are taken along.
    """
    users = Counter(name for node in nodes for name in node.inputs)
    users.update(outputs)
    readers = {name: node for node in nodes for name in node.inputs}
    shapes = {node.id: node.shape for node in nodes}
    result: Nodes = []
    renamed: dict[str, str] = {}
    for node in nodes:
        if node.id in renamed:
            continue
        plain = tuple(node.attrs.get("dilation", (1, 1))) == (1, 1)
        if node.op != "conv_transpose2d" or not plain:
            inputs = tuple(renamed.get(name, name) for name in node.inputs)
            result.append(node.but(inputs=inputs))
            continue
        chain = [node.id]
        for kinds in (("batchnorm",), ACTIVATIONS):
            reader = readers.get(chain[-1])
            if users[chain[-1]] != 1 or reader is None or reader.op not in kinds:
                continue
            if reader.op == "batchnorm":
                node = _scaled(node, reader)
            else:
                act = act_of(reader.op, reader.attrs)
                node = node.but(attrs={**node.attrs, "act": act})
            chain.append(reader.id)
        source = renamed.get(node.inputs[0], node.inputs[0])
        made = _split(node.but(inputs=(source,)), shapes[node.inputs[0]])
        renamed |= dict.fromkeys(chain, made[-1].id)
        result += made
    return result, tuple(renamed.get(name, name) for name in outputs)


def _scaled(node: Node, norm: Node) -> Node:
    groups = node.attrs.get("groups", 1)
    scale = norm.params["scale"].astype(np.float64)
    weight = node.params["weight"]
    split = weight.reshape(groups, -1, *weight.shape[1:])
    taps = split * scale.reshape(groups, 1, -1, 1, 1)
    bias = node.params["bias"] * scale + norm.params["shift"]
    params = {"weight": taps.reshape(weight.shape), "bias": bias}
    arrays = {k: np.ascontiguousarray(a, np.float32) for k, a in params.items()}
    return node.but(params=arrays)


def _split(node: Node, shape: tuple[int, ...]) -> Nodes:
    """Return the convolutions of a node, and what puts their results together."""
    strides = node.attrs.get("stride", (1, 1))
    top, left, _, _ = node.attrs.get("padding", (0, 0, 0, 0))
    weight = node.params["weight"]
    axes = [
        _places(weight.shape[2 + i], strides[i], pad, shape[1 + i], node.shape[1 + i])
        for i, pad in enumerate((top, left))
    ]
    sizes = [-(-node.shape[1 + i] // strides[i]) for i in range(2)]
    pairs = [(rows, columns) for rows in axes[0] for columns in axes[1]]
    windows = {
        (len(a.taps), a.before, a.after, len(b.taps), b.before, b.after)
        for a, b in pairs
    }
    convs = [_conv(node, rows, columns, sizes) for rows, columns in pairs]
    filters = node.shape[0]
    if len(convs) == 1:
        made = [convs[0].but(id=node.id)]
    elif len(windows) == 1 and node.attrs.get("groups", 1) == 1:
        made = [_together(node.id, convs)]
    else:
        made = [
            conv.but(id=f"{node.id}@place{place}") for place, conv in enumerate(convs)
        ]
        wide = (len(convs) * filters, *sizes)
        ids = tuple(conv.id for conv in made)
        made.append(Node(f"{node.id}.places", "concat", ids, wide))
    if len(convs) > 1:
        made += _interleaved(node.id, made[-1], filters, strides, sizes)
    if made[-1].shape != node.shape:
        stops = node.shape
        attrs = {"starts": (0, 0, 0), "stops": stops, "steps": (1, 1, 1)}
        cut = Node(f"{node.id}.cut", "cut", (made[-1].id,), stops, attrs)
        made.append(cut)
    return made


def _places(size: int, stride: int, pad: int, length: int, out: int) -> list[_Taps]:
    """Return the taps of each place between two pixels of one axis.

    Result y = stride * q + place takes tap i from pixel q + (place + pad - i) / stride,
    where that is whole.
    """
    count = -(-out // stride)
    found = []
    for place in range(stride):
        taps = list(range((place + pad) % stride, size, stride)) or [-1]
        # Pixels run forward, taps backward.
        taps.reverse()
        before = len(taps) - 1 - (place + pad) // stride
        taps = [-1] * -before + taps
        before = max(before, 0)
        after = count - length - before + len(taps) - 1
        taps += [-1] * -after
        found.append(_Taps(tuple(taps), before, max(after, 0)))
    return found


def _conv(node: Node, rows: _Taps, columns: _Taps, sizes: list[int]) -> Node:
    """Return the convolution that makes one of the images."""
    groups = node.attrs.get("groups", 1)
    weight = node.params["weight"]
    # (C, O / groups, KH, KW) to (O, C / groups, KH, KW).
    split = weight.reshape(groups, -1, *weight.shape[1:]).swapaxes(1, 2)
    filters = split.reshape(-1, *split.shape[2:])
    taken = _taken(_taken(filters, rows.taps, 2), columns.taps, 3)
    attrs = {
        "padding": (rows.before, columns.before, rows.after, columns.after),
        "groups": groups,
    }
    if "act" in node.attrs:
        attrs["act"] = node.attrs["act"]
    params = {
        "weight": np.ascontiguousarray(taken, np.float32),
        "bias": node.params["bias"],
    }
    shape = (len(filters), *sizes)
    return Node(node.id, "conv2d", node.inputs, shape, attrs, params)


def _taken(
    weight: NDArray[np.float32], taps: tuple[int, ...], axis: int
) -> NDArray[np.float32]:
    """Return taps of an axis in another order; -1 is a zero."""
    places = np.array(taps)
    found = weight.take(np.maximum(places, 0), axis)
    shape = [1] * weight.ndim
    shape[axis] = len(taps)
    return np.where((places >= 0).reshape(shape), found, np.float32(0))


def _together(name: str, convs: Nodes) -> Node:
    """Return one convolution with the filters of all, which read the same windows."""
    weight = np.concatenate([conv.params["weight"] for conv in convs])
    bias = np.concatenate([conv.params["bias"] for conv in convs])
    first = convs[0]
    shape = (len(weight), *first.shape[1:])
    return first.but(id=name, shape=shape, params={"weight": weight, "bias": bias})


def _interleaved(
    name: str, image: Node, filters: int, strides: tuple[int, int], sizes: list[int]
) -> Nodes:
    (sy, sx), (height, width) = strides, sizes
    parts = (sy, sx, filters, height, width)
    order = (2, 3, 0, 4, 1)
    turned = (filters, height, sy, width, sx)
    whole = (filters, height * sy, width * sx)
    return [
        Node(f"{name}.parts", "reshape", (image.id,), parts, {"shape": parts}),
        Node(f"{name}.turned", "permute", (f"{name}.parts",), turned, {"axes": order}),
        Node(f"{name}.whole", "reshape", (f"{name}.turned",), whole, {"shape": whole}),
    ]
