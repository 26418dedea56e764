"""What repeating, padding and moving blocks of pixels become in the engine's graph.

Belongs here: expand, repeat, every mode of padding, pixel shuffles.
"""

from collections.abc import Sequence
from typing import Any

import torch

from workbench.capture.arguments import refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_torch.call import Call
from workbench.capture.from_torch.channels import ranged
from workbench.capture.reshapes import (
    expand,
    own_axis,
    permute,
    reshape,
    unsqueeze,
    whole,
)


def expanded(b: GraphBuilder, call: Call) -> Value:
    """Translate axes of size one repeated without a copy."""
    return expand(b, call.value(b), call["size"])


def expanded_as(b: GraphBuilder, call: Call) -> Value:
    """Translate a tensor repeated to the shape of another."""
    other = call["other"]
    shape = other.full if isinstance(other, Value) else tuple(other.shape)
    return expand(b, call.value(b), shape)


def repeat(b: GraphBuilder, call: Call) -> Value:
    """Translate a tensor laid beside itself along its axes."""
    x = call.value(b)
    times = [int(n) for n in call.get("repeats", call.get("dims"))]
    times = [1] * (len(x.full) - len(times)) + times
    while len(x.full) < len(times):
        x = unsqueeze(b, x, 0)
    for axis, count in enumerate(times):
        if count != 1:
            x = repeated(b, x, axis, count, blocks=True)
    return x


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


def repeat_interleave(b: GraphBuilder, call: Call) -> Value:
    """Translate each entry of an axis repeated."""
    x, count, axis = call.value(b, "self"), call["repeats"], call["dim"]
    if not isinstance(count, int) or axis is None:
        raise refuse(b, f"{call.name} without one number of repeats and an axis")
    return repeated(b, x, int(axis) % len(x.full), count, blocks=False)


def padded(b: GraphBuilder, call: Call) -> Value:
    """Translate a frame of every mode; a negative width cuts."""
    x = call.value(b)
    widths = [int(w) for w in call.get("pad", call.get("padding"))]
    mode = str(call.get("mode", "constant"))
    for known in ("reflect", "replicat"):
        if call.name.startswith(known):
            mode = {"reflect": "reflect", "replicat": "replicate"}[known]
    value = call.get("value")
    rank = len(x.full)
    before, after = [0] * rank, [0] * rank
    for i in range(len(widths) // 2):
        before[rank - 1 - i], after[rank - 1 - i] = widths[2 * i : 2 * i + 2]
    return pad_axes(b, x, before, after, mode, 0.0 if value is None else float(value))


def pad_axes(
    b: GraphBuilder,
    x: Value,
    before: Sequence[int],
    after: Sequence[int],
    mode: str,
    value: float,
) -> Value:
    """Return a tensor with a frame around axes of the framework's."""
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


def pixel_shuffle(b: GraphBuilder, call: Call) -> Value:
    """Translate channels that become blocks of pixels."""
    x, r = call.value(b), int(call["upscale_factor"])
    *lead, c, h, w = x.full
    n = len(lead)
    split = reshape(b, x, [*lead, c // r**2, r, r, h, w])
    order = [*range(n), n, n + 3, n + 1, n + 4, n + 2]
    return reshape(b, permute(b, split, order), [*lead, c // r**2, h * r, w * r])


def pixel_unshuffle(b: GraphBuilder, call: Call) -> Value:
    """Translate blocks of pixels that become channels."""
    x, r = call.value(b), int(call["downscale_factor"])
    *lead, c, h, w = x.full
    n = len(lead)
    split = reshape(b, x, [*lead, c, h // r, r, w // r, r])
    order = [*range(n), n, n + 2, n + 4, n + 1, n + 3]
    return reshape(b, permute(b, split, order), [*lead, c * r**2, h // r, w // r])


def constant_like(number: float | None) -> Any:
    """Return the translation of a constant with the shape of a computed tensor."""

    def translate(b: GraphBuilder, call: Call) -> torch.Tensor:
        x = call.value(b)
        size = call.get("size")
        value = call["fill_value"] if number is None else number
        if isinstance(value, Value):
            raise refuse(b, f"{call.name} with a number that is computed")
        dtype = None if call.made is None else call.made.dtype
        return torch.full(x.full if size is None else tuple(size), value, dtype=dtype)

    return translate
