"""What joining and cutting along the channels becomes in the engine's graph.

Belongs here: concat, split, chunk, slice and the writes into a part of a tensor that
torch makes of in-place operations on views.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.capture.arguments import refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_torch.call import Call

END = 2**62
"""Torch writes the largest 64-bit number for 'to the end'."""


def cat(b: GraphBuilder, call: Call) -> Value:
    """Translate a join of channels."""
    parts = call["tensors"]
    if not all(isinstance(part, Value) for part in parts):
        raise refuse(b, f"{call.name} with a constant")
    _channel_axis(b, call, parts[0])
    return b.add("concat", parts)


def split(b: GraphBuilder, call: Call) -> list[Value]:
    """Translate a split into parts of one size, or of given sizes."""
    x = call.value(b)
    sizes = call.get("split_size", call.get("split_sizes"))
    _channel_axis(b, call, x)
    if isinstance(sizes, int):
        bounds = [*range(0, x.shape[0], sizes), x.shape[0]]
    else:
        bounds = [0, *np.cumsum(sizes).tolist()]
    return _cut(b, x, bounds)


def chunk(b: GraphBuilder, call: Call) -> list[Value]:
    """Translate a split into a number of parts; the last one may be smaller."""
    x = call.value(b)
    _channel_axis(b, call, x)
    size = -(-x.shape[0] // int(call["chunks"]))
    return _cut(b, x, [*range(0, x.shape[0], size), x.shape[0]])


def cut(b: GraphBuilder, call: Call) -> Value:
    """Translate a range of channels."""
    x = call.value(b)
    found = _range(b, call, x)
    return x if found is None else _cut(b, x, found)[0]


def narrow(b: GraphBuilder, call: Call) -> Value:
    """Translate a range of channels, given by its start and length."""
    start, length = int(call["start"]), int(call["length"])
    stop = END if start < 0 and start + length == 0 else start + length
    given = {"self": call["self"], "dim": call["dim"], "start": start, "end": stop}
    return cut(b, Call(call.name, {**given, "step": 1}))


def cut_written(b: GraphBuilder, call: Call) -> Value:
    """Translate a tensor whose range of channels is another tensor."""
    x, part = call.value(b), call.value(b, "src")
    found = _range(b, call, x)
    if found is None:
        return _fitting(b, call, x.shape, part)
    start, stop = found
    _fitting(b, call, (stop - start, *x.shape[1:]), part)
    before = _cut(b, x, [0, start]) if start else []
    after = _cut(b, x, [stop, x.shape[0]]) if stop < x.shape[0] else []
    return b.add("concat", [*before, part, *after])


def written(b: GraphBuilder, call: Call) -> Value:
    """Translate a tensor that is overwritten as a whole."""
    return _fitting(b, call, call.value(b).shape, call.value(b, "src"))


def _fitting(b: GraphBuilder, call: Call, shape: tuple[int, ...], part: Value) -> Value:
    if part.shape != shape:
        raise refuse(b, f"{call.name} of {part.shape} into {shape}")
    return part


def _channel_axis(b: GraphBuilder, call: Call, x: Value) -> None:
    if int(call["dim"]) not in (1, -len(x.shape)):
        raise refuse(b, f"{call.name} along axis dim={call['dim']}")


def _range(b: GraphBuilder, call: Call, x: Value) -> tuple[int, int] | None:
    """Return first channel and the one after the last; None where all are meant."""
    axis, step = int(call["dim"]), int(call.get("step", 1))
    start, end = call.get("start"), call.get("end")
    whole = start in (None, 0) and (end is None or end > END) and step == 1
    axis %= len(x.shape) + 1
    if whole:
        return None
    if axis == 0:
        raise refuse(b, f"{call.name} of the batch (dim=0)")
    first, stop, _ = slice(start, end).indices(x.shape[axis - 1])
    if (first, stop, step) == (0, x.shape[axis - 1], 1):
        return None
    _channel_axis(b, call, x)
    if step != 1:
        raise refuse(b, f"{call.name} with step={step}")
    return first, stop


def _cut(b: GraphBuilder, x: Value, bounds: Sequence[int]) -> list[Value]:
    return [
        b.add("slice", [x], attrs={"start": start, "stop": stop})
        for start, stop in itertools.pairwise(bounds)
    ]


def getitem(items: Any, index: Any) -> Any:
    """Return one of several results."""
    return items[index]
