"""What repeating, padding and moving blocks of pixels become in the engine's graph.

Belongs here: expand, repeat, every mode of padding, pixel shuffles.
"""

from typing import Any

import torch

from workbench.capture.arguments import refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.frames import (
    channels_of_pixels,
    pad_axes,
    pixels_of_channels,
    repeated,
)
from workbench.capture.from_torch.call import Call
from workbench.capture.reshapes import (
    expand,
    unsqueeze,
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


def pixel_shuffle(b: GraphBuilder, call: Call) -> Value:
    """Translate channels that become blocks of pixels."""
    return pixels_of_channels(b, call.value(b), int(call["upscale_factor"]))


def pixel_unshuffle(b: GraphBuilder, call: Call) -> Value:
    """Translate blocks of pixels that become channels."""
    return channels_of_pixels(b, call.value(b), int(call["downscale_factor"]))


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
