"""What ONNX's moves of elements become in the engine's graph.

Belongs here: concat, split, slice, gather, reshape, transpose, padding and their like.
The work is in modules shared with the torch importer. Axes count the batch.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import prod

import numpy as np

from workbench.capture import frames, parts, reshapes
from workbench.capture.arguments import Refused, refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_onnx.arithmetic import one_image
from workbench.capture.from_onnx.call import Call, is_computed

TO_THE_END = 2**31 - 1
"""An end that exporters write where they mean the last element."""

PAD_MODES = {"edge": "replicate", "wrap": "circular"}


def axes_of(b: GraphBuilder, axes: Sequence[int], x: Value) -> list[int]:
    """Return axes counted from the first, each once; the batch is one of them."""
    rank = len(x.full)
    if any(not -rank <= axis < rank for axis in axes):
        raise refuse(b, f"axes {list(axes)} of a tensor with {rank} axes")
    found = [axis % rank for axis in axes]
    if len(set(found)) != len(found):
        raise refuse(b, f"axes {list(axes)}, some of them twice")
    return found


def _mixes(b: GraphBuilder, call: Call, what: str) -> Refused:
    return Refused(f"ONNX {call.name} {what} the batch, which mixes images", b.where)


def concat(b: GraphBuilder, call: Call) -> Value:
    """Translate a join along an axis, of computed tensors and constants."""
    values = [one for one in call.inputs if is_computed(one)]
    x = values[0]
    (axis,) = axes_of(b, [int(call.attrs["axis"])], x)
    if axis == x.batch and call.batch != 1:
        raise _mixes(b, call, "along")
    fixed = x.batch if call.batch > 1 and x.batch != axis else None
    given = []
    for one in call.inputs:
        if not is_computed(one) and one.size == 0:
            continue
        if is_computed(one) or fixed is None or one.shape[fixed] != call.batch:
            given.append(one)
        else:
            given.append(one_image(b, call, one, fixed))
    return parts.join(b, given, axis)


def split(b: GraphBuilder, call: Call) -> list[Value]:
    """Translate a split into given or equal sizes."""
    x = call.input(0)
    (axis,) = axes_of(b, [int(call.attrs.get("axis", 0))], x)
    if axis == x.batch:
        raise _mixes(b, call, "of")
    whole = x.full[axis]
    sizes = call.constant(1, "split")
    if sizes is None:
        count = int(call.attrs.get("num_outputs", call.outputs))
        size = -(-whole // max(count, 1))
        sizes = [size] * (count - 1) + [whole - size * (count - 1)]
    if sum(sizes) != whole or len(sizes) != call.outputs:
        what = f"a split of {whole} into {list(sizes)[:8]}, {call.outputs} outputs"
        raise Refused(what, b.where)
    bounds = [0, *accumulate(int(s) for s in sizes)]
    return [parts.ranged(b, x, axis, start, stop) for start, stop in pairwise(bounds)]


def cut(b: GraphBuilder, call: Call) -> Value:
    """Translate a strided range of some axes; the batch must stay whole."""
    x = call.input(0)
    starts, ends = call.constant(1, "starts"), call.constant(2, "ends")
    axes = call.constant(3, "axes") or list(range(len(starts)))
    steps = call.constant(4, "steps") or [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise refuse(b, f"Slice with starts {starts}, ends {ends}, axes {axes}")
    ranges = [(0, size, 1) for size in x.full]
    for start, end, axis, step in zip(
        starts, ends, axes_of(b, axes, x), steps, strict=True
    ):
        size = x.full[axis]
        if axis == x.batch:
            # A free batch is whole only where the end is past any size.
            size = call.batch or TO_THE_END
            if slice(start, end, step).indices(size) != (0, size, 1):
                raise _mixes(b, call, f"{start}:{end}:{step} of")
            continue
        found = slice(start, end, step).indices(size)
        if not len(range(*found)):
            raise refuse(b, f"Slice {start}:{end}:{step} of {size}, which is empty")
        ranges[axis] = found
    return parts.cuts(b, x, ranges)


def gather(b: GraphBuilder, call: Call) -> Value:
    """Translate entries of an axis at constant places."""
    x, places = call.input(0), np.asarray(call.input(1))
    (axis,) = axes_of(b, [int(call.attrs.get("axis", 0))], x)
    if axis == x.batch and call.batch != 1:
        raise _mixes(b, call, "of")
    size = x.full[axis]
    if places.size and not (-size <= places.min() and places.max() < size):
        raise refuse(b, f"Gather of places outside of an axis of {size}")
    flat = places.reshape(-1)
    if flat.size == 1:
        one = parts.pick(b, _unbatched(b, x, axis), axis, int(flat[0]))
        for _ in range(places.ndim):
            one = reshapes.unsqueeze(b, one, axis)
        return one
    return parts.gathered(b, x, axis, np.where(places < 0, places + size, places))


def _unbatched(b: GraphBuilder, x: Value, axis: int) -> Value:
    return reshapes.whole(b, x) if axis == x.batch else x


def flatten(b: GraphBuilder, call: Call) -> Value:
    """Translate a flatten into two axes."""
    x, rank = call.input(0), len(call.input(0).full)
    axis = int(call.attrs.get("axis", 1))
    if not -rank <= axis <= rank:
        raise refuse(b, f"Flatten from axis {axis} of {x.full}")
    axis += rank if axis < 0 else 0
    sizes = [prod(x.full[:axis]), prod(x.full[axis:])]
    if axis == 0 and x.batch is not None and call.batch != 1:
        raise _mixes(b, call, "of")
    return reshapes.reshape(b, x, sizes)


def reshape(b: GraphBuilder, call: Call) -> Value:
    """Translate a reshape; the file's batch may be one of its numbers."""
    x, full = call.input(0), call.input(0).full
    given = [int(s) for s in call.constant(1, "shape")]
    sizes = list(given)
    if not call.attrs.get("allowzero", 0):
        if any(s == 0 for s in sizes[len(full) :]):
            raise refuse(b, f"Reshape of {full} to {given}")
        sizes = [full[i] if s == 0 else s for i, s in enumerate(sizes)]
    if any(s < -1 or s == 0 for s in sizes) or sizes.count(-1) > 1:
        raise refuse(b, f"Reshape of {full} to {given}")
    if call.batch > 1:
        sizes = _for_one(x, sizes, call.batch)
    return reshapes.reshape(b, x, sizes)


def _for_one(x: Value, sizes: list[int], batch: int) -> list[int]:
    """Return a shape for one image, from one for a batch."""
    total, known = prod(x.full), prod(s for s in sizes if s != -1)
    if -1 not in sizes and known == total:
        return sizes
    before = prod(x.full[: x.batch]) if x.batch is not None else 1
    places = [
        axis
        for axis, size in enumerate(sizes)
        if size == batch and abs(prod(sizes[:axis])) == before
    ]
    if not places and (-1 not in sizes or total % known):
        places = [axis for axis, size in enumerate(sizes) if size % batch == 0]
    for axis in places:
        fitting = [*sizes[:axis], sizes[axis] // batch, *sizes[axis + 1 :]]
        if -1 in sizes or prod(fitting) == total:
            return fitting
    return sizes


def transpose(b: GraphBuilder, call: Call) -> Value:
    """Translate axes in another order."""
    x, rank = call.input(0), len(call.input(0).full)
    perm = call.attrs.get("perm", range(rank)[::-1])
    return reshapes.permute(b, x, perm)


def squeeze(b: GraphBuilder, call: Call) -> Value:
    """Translate the removal of axes of one element."""
    x: Value = call.input(0)
    axes = call.constant(1, "axes")
    if axes is None:
        if x.batch is not None and call.batch == 0:
            raise Refused(
                "ONNX Squeeze without axes, which takes a batch of one away too",
                b.where,
            )
        kept = x.batch if call.batch > 1 else None
        axes = [i for i, n in enumerate(x.full) if n == 1 and i != kept]
    found = axes_of(b, axes, x)
    if any(x.full[axis] != 1 for axis in found):
        raise refuse(b, f"Squeeze of axes {list(axes)} of {x.full}")
    return reshapes.squeeze(b, x, found) if found else x


def unsqueeze(b: GraphBuilder, call: Call) -> Value:
    """Translate axes of one element put in, counted in the result."""
    x: Value = call.input(0)
    axes = call.constant(1, "axes")
    axes = [axes] if isinstance(axes, int) else axes
    rank = len(x.full) + len(axes)
    found = sorted(axis + rank if axis < 0 else axis for axis in axes)
    if len(set(found)) != len(found) or not 0 <= found[0] <= found[-1] < rank:
        raise refuse(b, f"Unsqueeze of axes {list(axes)} of {x.full}")
    for axis in found:
        x = reshapes.unsqueeze(b, x, axis)
    return x


def expand(b: GraphBuilder, call: Call) -> Value:
    """Translate axes of one element repeated."""
    x, sizes = call.input(0), [int(s) for s in call.constant(1, "shape")]
    rank = max(len(x.full), len(sizes))
    sizes = [1] * (rank - len(sizes)) + sizes
    if x.batch is not None:
        place = x.batch + rank - len(x.full)
        if sizes[place] == call.batch:
            sizes[place] = 1
    full = (1,) * (rank - len(x.full)) + x.full
    pairs = zip(full, sizes, strict=True)
    if any(1 not in (mine, size) and mine != size for mine, size in pairs):
        raise refuse(b, f"Expand of {x.full} to {sizes}")
    return reshapes.expand(b, x, np.broadcast_shapes(full, tuple(sizes)))


def tile(b: GraphBuilder, call: Call) -> Value:
    """Translate a tensor laid beside itself along its axes."""
    x: Value = call.input(0)
    times = [int(n) for n in call.constant(1, "repeats")]
    if len(times) != len(x.full) or any(count < 1 for count in times):
        raise refuse(b, f"Tile of {x.full} by {times}")
    for axis, count in enumerate(times):
        if count != 1:
            x = frames.repeated(b, x, axis, count, blocks=True)
    return x


def pad(b: GraphBuilder, call: Call) -> Value:
    """Translate a frame of every mode; a negative width cuts."""
    x, rank = call.input(0), len(call.input(0).full)
    widths = [int(w) for w in call.constant(1, "pads")]
    number = call.input(2)
    value = call.attrs.get("value", 0.0) if number is None else np.reshape(number, -1)
    value = float(np.reshape(value, -1)[0]) if np.size(value) else 0.0
    axes = axes_of(b, call.constant(3, "axes") or range(rank), x)
    if len(widths) != 2 * len(axes):
        raise refuse(b, f"Pad of {x.full} with pads {widths}")
    before, after = [0] * rank, [0] * rank
    for i, axis in enumerate(axes):
        before[axis], after[axis] = widths[i], widths[i + len(axes)]
    mode = str(call.attrs.get("mode", "constant"))
    triples = zip(before, after, x.full, strict=True)
    wide = [max(low, high) - size for low, high, size in triples]
    if (mode == "reflect" and max(wide) >= 0) or (mode == "wrap" and max(wide) > 0):
        raise refuse(b, f"Pad of {x.full} with pads {widths} and mode={mode}")
    return frames.pad_axes(b, x, before, after, PAD_MODES.get(mode, mode), value)


def depth_to_space(b: GraphBuilder, call: Call) -> Value:
    """Translate channels that become blocks of pixels."""
    blocks_first = str(call.attrs.get("mode", "DCR")) == "DCR"
    r = int(call.attrs["blocksize"])
    return frames.pixels_of_channels(b, call.input(0), r, blocks_first=blocks_first)


def space_to_depth(b: GraphBuilder, call: Call) -> Value:
    """Translate blocks of pixels that become channels."""
    r = int(call.attrs["blocksize"])
    return frames.channels_of_pixels(b, call.input(0), r, blocks_first=True)
