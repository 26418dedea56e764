"""What ONNX's moves of elements become in the engine's graph.

Belongs here: concat, split, slice, reshape, transpose, squeeze and resize. Reshapes and
transposes are shared with the torch importer (`aten_shapes`). Axes count the batch.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

from workbench.capture import reshapes
from workbench.capture.arguments import refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_onnx.call import Call

TO_THE_END = 2**31 - 1
"""An end that exporters write where they mean the last element."""


def axes_of(b: GraphBuilder, axes: Sequence[int], x: Any) -> list[int]:
    """Return axes counted from the first, each once; the batch is axis 0."""
    rank = len(x.shape) + 1
    if any(not -rank <= axis < rank for axis in axes):
        raise refuse(b, f"axes {list(axes)} of a tensor with {rank} axes")
    found = [axis % rank for axis in axes]
    if len(set(found)) != len(found):
        raise refuse(b, f"axes {list(axes)}, some of them twice")
    return found


def _channel_axis(b: GraphBuilder, axis: int, x: Any) -> None:
    if axes_of(b, [axis], x) != [1]:
        raise refuse(b, f"concat, split or slice along axis {axis} of {x.shape}")


def concat(b: GraphBuilder, call: Call) -> Value:
    """Translate a concat of channels."""
    _channel_axis(b, int(call.attrs["axis"]), call.input(0))
    return b.add("concat", list(call.inputs))


def _cut(b: GraphBuilder, x: Value, start: int, stop: int) -> Value:
    if (start, stop) == (0, x.shape[0]):
        return Value(x.id, x.shape)
    return b.add("slice", [x], attrs={"start": start, "stop": stop})


def split(b: GraphBuilder, call: Call) -> list[Value]:
    """Translate a split of channels, into given or equal sizes."""
    x = call.input(0)
    _channel_axis(b, int(call.attrs.get("axis", 0)), x)
    sizes = call.constant(1, "split")
    if sizes is None:
        parts = int(call.attrs.get("num_outputs", call.outputs))
        size = -(-x.shape[0] // max(parts, 1))
        sizes = [size] * (parts - 1) + [x.shape[0] - size * (parts - 1)]
    if sum(sizes) != x.shape[0] or len(sizes) != call.outputs:
        raise refuse(
            b,
            f"a split of {x.shape[0]} channels into {list(sizes)[:8]}, "
            f"{call.outputs} outputs",
        )
    bounds = [0, *accumulate(int(s) for s in sizes)]
    return [_cut(b, x, start, stop) for start, stop in pairwise(bounds)]


def cut(b: GraphBuilder, call: Call) -> Value:
    """Translate a slice of channels; the other axes must stay whole."""
    x = call.input(0)
    starts, ends = call.constant(1, "starts"), call.constant(2, "ends")
    axes = call.constant(3, "axes") or list(range(len(starts)))
    steps = call.constant(4, "steps") or [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise refuse(b, f"Slice with starts {starts}, ends {ends}, axes {axes}")
    bounds = (0, x.shape[0])
    for start, end, axis, step in zip(
        starts, ends, axes_of(b, axes, x), steps, strict=True
    ):
        if step != 1:
            raise refuse(b, f"Slice with step {step}")
        # A free batch is whole only where the end is past any size.
        size = (call.batch or TO_THE_END, *x.shape)[axis]
        first, last, _ = slice(start, end).indices(size)
        if (first, last) == (0, size):
            continue
        _channel_axis(b, axis, x)
        bounds = (first, last)
    return _cut(b, x, *bounds)


def flatten(b: GraphBuilder, call: Call) -> Value:
    """Translate a flatten of everything but the batch."""
    x, axis = call.input(0), int(call.attrs.get("axis", 1))
    if axes_of(b, [axis], x) != [1]:
        raise refuse(b, f"Flatten from axis {axis} of {x.shape}")
    return b.add("flatten", [x])


def reshape(b: GraphBuilder, call: Call) -> Any:
    """Translate a reshape that keeps the batch, which may be written as a number."""
    x = call.input(0)
    sizes = [int(s) for s in call.constant(1, "shape")]
    given, full = list(sizes), (1, *x.shape)
    if not call.attrs.get("allowzero", 0):
        if any(s == 0 for s in sizes[len(full) :]):
            raise refuse(b, f"Reshape of {x.shape} to {given}")
        sizes = [full[i] if s == 0 else s for i, s in enumerate(sizes)]
    if any(s < -1 or s == 0 for s in sizes) or sizes.count(-1) > 1 or not sizes:
        raise refuse(b, f"Reshape of {x.shape} to {given}")
    if len(sizes) > 1 and sizes[0] in (-1, call.batch):
        sizes[0] = 1
    return _batch_first(b, reshapes.reshape(b, x, sizes), f"Reshape to {given}")


def transpose(b: GraphBuilder, call: Call) -> Any:
    """Translate axes in another order; the batch stays the first."""
    x, rank = call.input(0), len(call.input(0).shape) + 1
    perm = tuple(call.attrs.get("perm", range(rank)[::-1]))
    if perm == tuple(range(rank)):
        return x
    return _batch_first(b, reshapes.permute(b, x, perm), f"Transpose by {perm}")


def _batch_first(b: GraphBuilder, x: Value, what: str) -> Value:
    if x.batch != 0:
        raise refuse(b, f"{what}, which moves the batch or joins it with another axis")
    return x


def squeeze(b: GraphBuilder, call: Call) -> Value:
    """Translate the removal of both axes of a plane of one pixel."""
    x, axes = call.input(0), call.constant(1, "axes")
    if axes is None:
        raise refuse(b, "Squeeze without axes, which takes a batch of one away too")
    if x.shape[1:] != (1, 1) or sorted(axes_of(b, axes, x)) != [2, 3]:
        raise refuse(b, f"Squeeze of axes {list(axes)} of {x.shape}")
    return b.add("flatten", [x])


def upsample(b: GraphBuilder, call: Call) -> Value:
    """Translate the repetition of pixels of opsets up to 9."""
    return _repeat(b, call, call.constant(1, "scales"))


def resize(b: GraphBuilder, call: Call) -> Value:
    """Translate a resize that repeats pixels a whole number of times."""
    x, rank = call.input(0), len(call.input(0).shape) + 1
    if call.opset < 11:
        return _repeat(b, call, call.constant(1, "scales"))
    scales, sizes = call.constant(2, "scales"), call.constant(3, "sizes")
    axes = axes_of(b, call.attrs.get("axes", tuple(range(rank))), x)
    given = sizes or scales
    if bool(scales) == bool(sizes) or len(given) != len(axes):
        raise refuse(b, f"Resize with scales {scales} and sizes {sizes}")
    if not _repeats_pixels(call):
        raise refuse(
            b,
            "Resize with coordinate_transformation_mode="
            f"{call.attrs.get('coordinate_transformation_mode', 'half_pixel')}, "
            f"nearest_mode={call.attrs.get('nearest_mode', 'round_prefer_floor')}",
        )
    if sizes and call.attrs.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise refuse(
            b,
            "Resize with keep_aspect_ratio_policy="
            f"{call.attrs['keep_aspect_ratio_policy']}",
        )
    factors: list[float] = [1.0] * rank
    for axis, value in zip(axes, given, strict=True):
        size = (call.batch or 1, *x.shape)[axis]
        factors[axis] = value / size if sizes else value
    return _repeat(b, call, factors)


def _repeat(b: GraphBuilder, call: Call, scales: Any) -> Value:
    x = call.input(0)
    whole = len(scales or ()) == 4 and all(s >= 1 and s == int(s) for s in scales)
    if not whole or list(scales[:2]) != [1, 1] or len(x.shape) != 3:
        raise refuse(b, f"a resize of {x.shape} by {scales}")
    scale = (int(scales[2]), int(scales[3]))
    return b.add("upsample_nearest", [x], attrs={"scale": scale})


REPEATING = {
    "asymmetric": ("floor",),
    "half_pixel": ("round_prefer_floor", "round_prefer_ceil"),
    "half_pixel_symmetric": ("round_prefer_floor", "round_prefer_ceil"),
    "pytorch_half_pixel": ("round_prefer_floor", "round_prefer_ceil"),
    "tf_half_pixel_for_nn": ("floor",),
}
"""Roundings with which a nearest resize by a whole factor repeats each pixel."""


def _repeats_pixels(call: Call) -> bool:
    transform = call.attrs.get("coordinate_transformation_mode", "half_pixel")
    rounding = call.attrs.get("nearest_mode", "round_prefer_floor")
    return rounding in REPEATING.get(transform, ())
