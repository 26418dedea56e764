"""Joins and cuts along any axis, the same for torch and ONNX.

Belongs here: concat, ranges, single entries and constant places of an axis. Cuts and
joins of channels share memory with what they are cut from and joined to. Axes count the
batch.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from workbench.capture.arguments import refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.reshapes import as_shape, own_axis, squeeze, whole


def join(b: GraphBuilder, parts: Sequence[Any], dim: int) -> Value:
    """Return tensors, some of them constants, one after the other along an axis."""
    rank = len(next(p.full for p in parts if isinstance(p, Value)))
    axis = dim % rank
    places = {part.batch for part in parts if isinstance(part, Value)}
    fits = len(places) == 1 and axis not in places
    place = next(iter(places)) if fits else None
    for part in parts:
        # A constant that says something of each image would not fit a batch of one.
        if place is not None and not isinstance(part, Value) and part.shape[place] != 1:
            place = None
    sides = [
        part
        if not isinstance(part, Value)
        else (part if place is not None else whole(b, part))
        for part in parts
    ]
    arrays = {
        f"c{i}": side if place is None else side.squeeze(place)
        for i, side in enumerate(sides)
        if not isinstance(side, Value)
    }
    values = [side for side in sides if isinstance(side, Value)]
    mine = axis if place is None or axis < place else axis - 1
    if len(parts) == 1:
        return values[0]
    if mine == 0 and not arrays:
        return replace(b.add("concat", values), batch=place)
    made = b.add("join", values, attrs={"axis": mine}, params=arrays)
    return replace(made, batch=place)


def pick(b: GraphBuilder, x: Value, axis: int, index: int) -> Value:
    """Return one entry of an axis, without the axis."""
    size = x.full[axis]
    index = index + size if index < 0 else index
    one = ranged(b, x, axis, index, index + 1)
    return squeeze(b, one, [axis])


def ranged(
    b: GraphBuilder, x: Value, axis: int, start: int, stop: int, step: int = 1
) -> Value:
    """Return a range of an axis."""
    if (start, stop, step) == (0, x.full[axis], 1):
        return x
    if axis == x.batch:
        raise refuse(b, f"a slice {start}:{stop} of the batch (dim={axis})")
    whole_axes = [(0, size, 1) for size in x.full]
    whole_axes[axis] = (start, stop, step)
    return cuts(b, x, whole_axes)


def gathered(b: GraphBuilder, x: Value, axis: int, places: NDArray[Any]) -> Value:
    """Return entries of an axis, in any order, at constant places."""
    if not places.size:
        raise refuse(b, "an index without entries")
    if axis == x.batch:
        x = whole(b, x)
    mine, batch = own_axis(x, axis), x.batch
    made = b.like(x, "gather", attrs={"axis": mine}, params={"places": places})
    if places.ndim == 0:
        full = (*x.full[:axis], *x.full[axis + 1 :])
        place = batch if batch is None or batch < axis else batch - 1
        return as_shape(b, replace(made, batch=batch), full, place)
    if batch is not None and batch > axis:
        batch += places.ndim - 1
    return replace(made, batch=batch)


def cuts(b: GraphBuilder, x: Value, ranges: Sequence[tuple[int, int, int]]) -> Value:
    """Return (start, stop, step) of every axis at once; the batch stays whole.

    A stop of -1 is before the first entry.
    """
    mine = [one for axis, one in enumerate(ranges) if axis != x.batch]
    moved = [a for a, one in enumerate(mine) if one != (0, x.shape[a], 1)]
    if not moved:
        return x
    if moved == [0] and mine[0][2] == 1:
        return b.like(x, "slice", attrs={"start": mine[0][0], "stop": mine[0][1]})
    starts, stops, steps = (tuple(one) for one in zip(*mine, strict=True))
    attrs = {"starts": starts, "stops": stops, "steps": steps}
    return b.like(x, "cut", attrs=attrs)
