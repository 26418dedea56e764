"""Repeats and frames around tensors, the same for torch and ONNX.

Belongs here: an axis repeated, every mode of padding, pixels from channels and back.
Axes count the batch.
"""

from collections.abc import Sequence

from workbench.capture.arguments import refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.parts import ranged
from workbench.capture.reshapes import (
    expand,
    own_axis,
    permute,
    reshape,
    unsqueeze,
    whole,
)


def repeated(
    b: GraphBuilder, x: Value, axis: int, count: int, *, blocks: bool
) -> Value:
    """Return an axis repeated: as a whole, or each entry by itself."""
    if axis == x.batch:
        x = whole(b, x)
    full = x.full
    wide = unsqueeze(b, x, axis if blocks else axis + 1)
    sizes = [-1] * len(wide.full)
    sizes[axis if blocks else axis + 1] = count
    made = expand(b, wide, sizes)
    return reshape(b, made, [*full[:axis], full[axis] * count, *full[axis + 1 :]])


def pad_axes(
    b: GraphBuilder,
    x: Value,
    before: Sequence[int],
    after: Sequence[int],
    mode: str,
    value: float,
) -> Value:
    """Return a tensor with a frame around its axes; a negative width cuts."""
    for axis, (low, high) in enumerate(zip(before, after, strict=True)):
        if low < 0 or high < 0:
            size = x.full[axis]
            x = ranged(b, x, axis, max(-low, 0), size - max(-high, 0))
    if x.batch is not None and (before[x.batch] > 0 or after[x.batch] > 0):
        raise refuse(b, f"padding of the batch (dim={x.batch})")
    widths: list[tuple[int, ...]] = []
    for side in (before, after):
        mine = [0] * len(x.shape)
        for axis, width in enumerate(side):
            if axis != x.batch:
                mine[own_axis(x, axis)] = max(width, 0)
        widths.append(tuple(mine))
    if not any(map(any, widths)):
        return x
    attrs = {"before": widths[0], "after": widths[1], "mode": mode, "value": value}
    return b.like(x, "pad", attrs=attrs)


def pixels_of_channels(
    b: GraphBuilder, x: Value, r: int, *, blocks_first: bool = False
) -> Value:
    """Return channels that have become blocks of ``r`` x ``r`` pixels.

    Channels lie as (c, r, r), or with ``blocks_first`` as (r, r, c).
    """
    *lead, c, h, w = x.full
    n = len(lead)
    if c % r**2:
        raise refuse(b, f"{c} channels in blocks of {r} x {r} pixels")
    if blocks_first:
        split = reshape(b, x, [*lead, r, r, c // r**2, h, w])
        order = [*range(n), n + 2, n + 3, n, n + 4, n + 1]
    else:
        split = reshape(b, x, [*lead, c // r**2, r, r, h, w])
        order = [*range(n), n, n + 3, n + 1, n + 4, n + 2]
    return reshape(b, permute(b, split, order), [*lead, c // r**2, h * r, w * r])


def channels_of_pixels(
    b: GraphBuilder, x: Value, r: int, *, blocks_first: bool = False
) -> Value:
    """Return blocks of pixels that have become channels (c, r, r) or (r, r, c)."""
    *lead, c, h, w = x.full
    n = len(lead)
    if h % r or w % r:
        raise refuse(b, f"{h} x {w} pixels in blocks of {r} x {r}")
    split = reshape(b, x, [*lead, c, h // r, r, w // r, r])
    order = [*range(n), n, n + 2, n + 4, n + 1, n + 3]
    if blocks_first:
        order = [*range(n), n + 2, n + 4, n, n + 1, n + 3]
    return reshape(b, permute(b, split, order), [*lead, c * r**2, h // r, w // r])
