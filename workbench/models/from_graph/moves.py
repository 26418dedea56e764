"""Steps that move numbers and compute none, in torch.

Belongs here: reshapes, permutations, cuts, joins, padding. Sizes are taken from what
comes in wherever they can be, so that a network with fewer channels still runs.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from workbench.capture.traced_axes import Traced
from workbench.engine.graph.graph import Node
from workbench.models.from_graph.values import Held, Inputs, Step, axis_of, in_order


def reshaped(x: Tensor, axes: Sequence[Traced]) -> Tensor:
    """Return a tensor in another shape, as far as its own sizes say which."""
    return x.reshape(x.shape[0], *(axis.size(x.shape[1:]) for axis in axes))


def _flatten(node: Node, inputs: Inputs, held: Held) -> Tensor:
    x = inputs[0].flatten(1)
    return x[:, :, None, None] if node.attrs.get("rank", 1) == 3 else x


def _permute(node: Node, inputs: Inputs, held: Held) -> Tensor:
    return inputs[0].permute(0, *(axis + 1 for axis in node.attrs["axes"]))


def _expand(node: Node, inputs: Inputs, held: Held) -> Tensor:
    x, shape = inputs[0], node.attrs["shape"]
    x = x.reshape(x.shape[0], *(1,) * (len(shape) + 1 - x.ndim), *x.shape[1:])
    sizes = [size if n == 1 else -1 for n, size in zip(x.shape[1:], shape, strict=True)]
    return x.expand(x.shape[0], *sizes)


def _concat(node: Node, inputs: Inputs, held: Held) -> Tensor:
    return torch.cat(list(inputs), 1)


def _slice(node: Node, inputs: Inputs, held: Held) -> Tensor:
    return inputs[0][:, node.attrs["start"] : node.attrs["stop"]]


def _cut(node: Node, inputs: Inputs, held: Held) -> Tensor:
    x = inputs[0]
    cuts = zip(
        node.attrs["starts"], node.attrs["stops"], node.attrs["steps"], strict=True
    )
    for axis, (start, stop, step) in enumerate(cuts, 1):
        if step > 0:
            size = x.shape[axis]
            if (start, step) != (0, 1) or stop < size:
                x = x[(slice(None),) * axis + (slice(start, stop, step),)]
        else:
            x = x.index_select(axis, torch.arange(start, stop, step, device=x.device))
    return x


def _gather(node: Node, inputs: Inputs, held: Held) -> Tensor:
    x, axis, places = inputs[0], axis_of(node.attrs), held["places"].long()
    places = torch.where(places < 0, places + x.shape[axis], places)
    made = x.index_select(axis, places.reshape(-1))
    return made.reshape(*x.shape[:axis], *places.shape, *x.shape[axis + 1 :])


def _join(node: Node, inputs: Inputs, held: Held) -> Tensor:
    count = inputs[0].shape[0]
    parts = [
        one if batch else one.expand(count, *one.shape)
        for one, batch in in_order(inputs, held)
    ]
    return torch.cat(parts, axis_of(node.attrs))


def _pad(node: Node, inputs: Inputs, held: Held) -> Tensor:
    x, mode = inputs[0], node.attrs["mode"]
    frame = list(zip(node.attrs["before"], node.attrs["after"], strict=True))
    if mode == "constant":
        pads = [n for pair in reversed(frame) for n in pair]
        return functional.pad(x, pads, value=node.attrs["value"])
    for axis, (before, after) in enumerate(frame, 1):
        if before or after:
            places = torch.arange(-before, x.shape[axis] + after, device=x.device)
            x = x.index_select(axis, _inside(places, x.shape[axis], mode))
    return x


def _inside(places: Tensor, size: int, mode: str) -> Tensor:
    """Return which pixel of an axis stands for one outside of it."""
    if mode == "replicate":
        return places.clamp(0, size - 1)
    if mode == "circular":
        return places % size
    places = places.abs()
    return torch.where(places >= size, 2 * (size - 1) - places, places)


def _shuffle(node: Node, inputs: Inputs, held: Held) -> Tensor:
    x, groups = inputs[0], node.attrs["groups"]
    parts = x.reshape(x.shape[0], groups, -1, *x.shape[2:])
    return parts.transpose(1, 2).reshape(x.shape)


def _upsample(node: Node, inputs: Inputs, held: Held) -> Tensor:
    scale = tuple(map(float, node.attrs["scale"]))
    return functional.interpolate(inputs[0], scale_factor=scale, mode="nearest")


MOVES: Mapping[str, Step] = {
    "flatten": _flatten,
    "permute": _permute,
    "expand": _expand,
    "concat": _concat,
    "slice": _slice,
    "cut": _cut,
    "gather": _gather,
    "join": _join,
    "pad": _pad,
    "channel_shuffle": _shuffle,
    "upsample_nearest": _upsample,
}
