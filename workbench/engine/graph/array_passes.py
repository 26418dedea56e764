"""Rewrites of array operations into what has kernels in C, and fewer permutations.

Belongs here: linear layers over tokens and convolutions of patches as 1x1 convolutions,
padding that a convolution does itself, permutations that meet and cancel. Does not
belong here: rewrites of images (`passes`), transposed convolutions (`transposed`).
"""

from collections import Counter
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from workbench.engine.graph.array_ops import operands
from workbench.engine.graph.field_kinds import ACTIVATIONS
from workbench.engine.graph.graph import Node, shape_of

Nodes = list[Node]
Outputs = tuple[str, ...]

ELEMENTWISE = (*ACTIVATIONS, "unary")
"""Operations that do not mind in which order axes are."""


def tokens_to_pixels(nodes: Nodes, outputs: Outputs) -> tuple[Nodes, Outputs]:
    """Run linear layers along the last axis as 1x1 convolutions of pixels."""
    result: Nodes = []
    renamed: dict[str, str] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for node in nodes:
        node = node.but(inputs=tuple(renamed.get(n, n) for n in node.inputs))
        if node.op != "tokens_linear":
            made = [node]
        else:
            made = _as_pixels(node, shapes[node.inputs[0]])
            renamed[node.id] = made[-1].id
        result += made
        shapes |= {one.id: one.shape for one in made}
    return result, tuple(renamed.get(name, name) for name in outputs)


def _as_pixels(node: Node, shape: tuple[int, ...]) -> Nodes:
    lead, features = shape[:-1], shape[-1]
    rank, filters = len(shape), len(node.params["weight"])
    first = (rank - 1, *range(rank - 1))
    last = (*range(1, rank), 0)
    weight = np.ascontiguousarray(node.params["weight"][:, :, None, None])
    pixels = lead if len(lead) == 2 else (1, prod(lead))
    name = node.id
    wide, flat = (features, *pixels), (filters, *lead)
    moved = Node(
        f"{name}.in", "permute", node.inputs, (features, *lead), {"axes": first}
    )
    params = {"weight": weight, "bias": node.params["bias"]}
    if pixels == lead:
        layer = Node(name, "conv2d", (moved.id,), (filters, *pixels), {}, params)
        out = Node(f"{name}.out", "permute", (name,), node.shape, {"axes": last})
        return [moved, layer, out]
    image = Node(f"{name}.image", "reshape", (moved.id,), wide, {"shape": wide})
    layer = Node(name, "conv2d", (image.id,), (filters, *pixels), {}, params)
    back = Node(f"{name}.tokens", "reshape", (name,), flat, {"shape": flat})
    out = Node(f"{name}.out", "permute", (back.id,), node.shape, {"axes": last})
    return [moved, image, layer, back, out]


def pads_to_convs(nodes: Nodes, outputs: Outputs) -> tuple[Nodes, Outputs]:
    """Let convolutions add the zeros that a padding before them would write."""
    frames = {node.id: node for node in nodes if _pads_with_zeros(node)}
    result: Nodes = []
    for node in nodes:
        frame = frames.get(node.inputs[0]) if node.op == "conv2d" else None
        if frame is not None:
            (_, top, left), (_, bottom, right) = (
                frame.attrs[name] for name in ("before", "after")
            )
            more = (top, left, bottom, right)
            own = node.attrs.get("padding", (0, 0, 0, 0))
            padding = tuple(a + b for a, b in zip(own, more, strict=True))
            inputs = (*frame.inputs, *node.inputs[1:])
            node = node.but(inputs=inputs, attrs={**node.attrs, "padding": padding})
        result.append(node)
    return result, outputs


def _pads_with_zeros(node: Node) -> bool:
    if node.op != "pad" or len(node.shape) != 3 or node.attrs["mode"] != "constant":
        return False
    channels = node.attrs["before"][0], node.attrs["after"][0]
    return node.attrs["value"] == 0 and channels == (0, 0)


def patches_to_pixels(nodes: Nodes, outputs: Outputs) -> tuple[Nodes, Outputs]:
    """Run convolutions of patches that lie beside each other as 1x1 convolutions.

    Of kernels that move by as many pixels as they have, where that is more than the
    layouts split (two): the stems of ConvNeXt and of vision transformers.
    """
    result: Nodes = []
    shapes: dict[str, tuple[int, ...]] = {}
    for node in nodes:
        shapes[node.id] = node.shape
        result += _of_patches(node, shapes) if _reads_patches(node) else [node]
    return result, outputs


def _reads_patches(node: Node) -> bool:
    if node.op != "conv2d" or len(node.inputs) != 1:
        return False
    kernel = node.params["weight"].shape[2:]
    return (
        max(kernel) > 2
        and tuple(node.attrs.get("stride", (1, 1))) == kernel
        and tuple(node.attrs.get("dilation", (1, 1))) == (1, 1)
        and not any(node.attrs.get("padding", ()))
        and node.attrs.get("groups", 1) == 1
    )


def _of_patches(node: Node, shapes: Mapping[str, tuple[int, ...]]) -> Nodes:
    weight = node.params["weight"]
    filters, channels, kh, kw = weight.shape
    height, width = node.shape[1:]
    (source,), name = node.inputs, node.id
    made: Nodes = []
    whole = (channels, height * kh, width * kw)
    if shapes[source] != whole:
        attrs = {"starts": (0, 0, 0), "stops": whole, "steps": (1, 1, 1)}
        made.append(Node(f"{name}.whole", "cut", (source,), whole, attrs))
        source = made[-1].id
    parts, order = (channels, height, kh, width, kw), (0, 2, 4, 1, 3)
    turned = tuple(parts[a] for a in order)
    pixels = (channels * kh * kw, height, width)
    made += [
        Node(f"{name}.parts", "reshape", (source,), parts, {"shape": parts}),
        Node(f"{name}.turned", "permute", (f"{name}.parts",), turned, {"axes": order}),
        Node(
            f"{name}.pixels", "reshape", (f"{name}.turned",), pixels, {"shape": pixels}
        ),
    ]
    attrs = {k: v for k, v in node.attrs.items() if k not in ("stride", "dilation")}
    flat = np.ascontiguousarray(weight.reshape(filters, -1, 1, 1))
    params = {**node.params, "weight": flat}
    inputs = (made[-1].id,)
    return [*made, node.but(inputs=inputs, attrs=attrs, params=params)]


def sink_permutes(nodes: Nodes, outputs: Outputs) -> tuple[Nodes, Outputs]:
    """Move permutations behind what does not mind them, until two of them cancel."""
    users = Counter(name for node in nodes for name in node.inputs)
    users.update(outputs)
    result: dict[str, Node] = {}
    for node in nodes:
        for one in _sunk(node, result, users):
            result[one.id] = one
    return list(result.values()), outputs


def _sunk(node: Node, made: dict[str, Node], users: Counter[str]) -> Nodes:
    """Return a node with a permutation before it moved behind, or as it is."""
    first = made.get(node.inputs[0]) if node.inputs else None
    if first is None:
        return [node]
    if node.op == "permute" and first.op == "permute":
        axes = tuple(first.attrs["axes"][a] for a in node.attrs["axes"])
        source = first.inputs[0]
        if axes == tuple(range(len(axes))):
            same = Node(node.id, "identity", (source,), node.shape)
            return [same]
        return [node.but(inputs=(source,), attrs={"axes": axes})]
    if node.op == "identity" or users[node.id] == 0:
        return [node]
    permuted = [
        name for name in node.inputs if name in made and made[name].op == "permute"
    ]
    if len(permuted) != len(node.inputs) or any(users[n] != 1 for n in permuted):
        return [node]
    orders = {tuple(made[name].attrs["axes"]) for name in permuted}
    if len(orders) != 1:
        return [node]
    axes = orders.pop()
    sources = tuple(made[name].inputs[0] for name in permuted)
    shapes = [made[name].shape for name in sources]
    changed = _before_permute(node, axes)
    if changed is None:
        return [node]
    attrs, params = changed
    inner = Node(f"{node.id}.before", node.op, sources, (), attrs, params)
    inner = inner.but(shape=shape_of(inner, shapes))
    if tuple(inner.shape[a] for a in axes) != node.shape:
        return [node]
    users[inner.id] = 1
    return [inner, Node(node.id, "permute", (inner.id,), node.shape, {"axes": axes})]


def _before_permute(
    node: Node, axes: tuple[int, ...]
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return what an operation is when it comes before a permutation; None if it can't.

    Axis i behind the permutation is axis ``axes[i]`` before it.
    """
    attrs, params = dict(node.attrs), dict(node.params)
    rank = len(axes)
    if node.op in ELEMENTWISE or (node.op in ("add", "mul") and len(node.inputs) == 2):
        return attrs, params
    if node.op in ("binary", "where", "clamp"):
        shapes = operands([(1,) * rank] * len(node.inputs), params)
        if len(node.shape) != rank or any(len(s) > rank for s in shapes):
            return None
        return attrs, {name: _unpermuted(a, axes) for name, a in params.items()}
    if node.op == "layernorm":
        attrs["axes"] = tuple(axes[a] for a in attrs["axes"])
        return attrs, {name: _unpermuted(a, axes) for name, a in params.items()}
    if node.op == "softmax":
        attrs["axis"] = axes[attrs["axis"]]
        return attrs, params
    if node.op == "reduce" and attrs.get("keepdims"):
        attrs["axes"] = tuple(axes[a] for a in attrs["axes"])
        return attrs, params
    return None


def _unpermuted(array: Any, axes: tuple[int, ...]) -> Any:
    """Return a constant that is broadcast behind a permutation, as it is before it."""
    wide = array.reshape((1,) * (len(axes) - array.ndim) + array.shape)
    order = tuple(int(a) for a in np.argsort(axes))
    return np.ascontiguousarray(wide.transpose(order))
