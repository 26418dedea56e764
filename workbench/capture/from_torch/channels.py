"""What joining and cutting becomes in the engine's graph, along any axis.

Belongs here: concat, stack, split, chunk, slice, index, flip, roll and writes into a
part of a tensor that torch makes of in-place operations on views. Cuts and joins of
channels share memory with what they are cut from and joined to.
"""

import itertools
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import torch

from workbench.capture.arguments import Refused, refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_torch.call import Call
from workbench.capture.from_torch.layers import array, plain
from workbench.capture.parts import gathered, join, pick, ranged
from workbench.capture.reshapes import (
    expand,
    own_axis,
    reshape,
    unsqueeze,
    whole,
)

END = 2**62
"""Torch writes the largest 64-bit number for 'to the end'."""


def cat(b: GraphBuilder, call: Call) -> Value:
    """Translate a join along an axis."""
    parts = [p for p in call["tensors"] if not _is_empty(p)]
    return join(b, [plain(part) for part in parts], int(call["dim"]))


def _is_empty(part: Any) -> bool:
    return isinstance(part, torch.Tensor) and part.numel() == 0


def stack(b: GraphBuilder, call: Call) -> Value:
    """Translate a join along a new axis."""
    dim = int(call["dim"])
    ranks = [len(p.full) if isinstance(p, Value) else p.ndim for p in call["tensors"]]
    dim %= ranks[0] + 1
    parts = [
        unsqueeze(b, p, dim) if isinstance(p, Value) else p.unsqueeze(dim)
        for p in call["tensors"]
    ]
    return join(b, [plain(part) for part in parts], dim)


def split(b: GraphBuilder, call: Call) -> list[Value]:
    """Translate a split into parts of one size, or of given sizes."""
    x = call.value(b)
    sizes = call.get("split_size", call.get("split_sizes"))
    size = x.full[_dim(x, call)]
    if isinstance(sizes, int):
        bounds = [*range(0, size, sizes), size]
    else:
        bounds = [0, *np.cumsum(sizes).tolist()]
    return _parts(b, call, bounds)


def chunk(b: GraphBuilder, call: Call) -> list[Value]:
    """Translate a split into a number of parts; the last one may be smaller."""
    x = call.value(b)
    size = x.full[_dim(x, call)]
    each = -(-size // int(call["chunks"]))
    return _parts(b, call, [*range(0, size, each), size])


def unbind(b: GraphBuilder, call: Call) -> list[Value]:
    """Translate a split into entries without their axis."""
    x = call.value(b)
    axis = _dim(x, call)
    return [pick(b, x, axis, i) for i in range(x.full[axis])]


def _dim(x: Value, call: Call) -> int:
    return int(call["dim"]) % len(x.full)


def _parts(b: GraphBuilder, call: Call, bounds: Sequence[int]) -> list[Value]:
    x = call.value(b)
    axis = _dim(x, call)
    return [ranged(b, x, axis, *pair) for pair in itertools.pairwise(bounds)]


def select(b: GraphBuilder, call: Call) -> Value:
    """Translate one entry of an axis."""
    x, index = call.value(b), call["index"]
    if not isinstance(index, int):
        raise refuse(b, f"{call.name} with an index that is computed")
    return pick(b, x, _dim(x, call), index)


def cut(b: GraphBuilder, call: Call) -> Value:
    """Translate a range of an axis."""
    x = call.value(b)
    axis = _dim(x, call)
    start, stop, step = _range(call, x.full[axis])
    if axis == x.batch:
        end = call.get("end")
        if (start, step) == (0, 1) and (end is None or end > END):
            return x
        raise Refused(f"{call.name} {start}:{end} of the batch (dim={axis})", b.where)
    if start >= stop:
        raise refuse(b, f"{call.name} {start}:{stop} of {x.full}, which is empty")
    return ranged(b, x, axis, start, stop, step)


def _range(call: Call, size: int) -> tuple[int, int, int]:
    step = int(call.get("step", 1))
    first, stop, _ = slice(call.get("start"), call.get("end")).indices(size)
    return first, stop, step


def narrow(b: GraphBuilder, call: Call) -> Value:
    """Translate a range of an axis, given by its start and length."""
    start, length = call["start"], int(call["length"])
    if isinstance(start, torch.Tensor):
        start = int(start)
    if not isinstance(start, int):
        raise refuse(b, f"{call.name} with a start that is computed")
    stop = END if start < 0 and start + length == 0 else start + length
    given = {"self": call["self"], "dim": call["dim"], "start": start, "end": stop}
    return cut(b, Call(call.name, {**given, "step": 1}))


def cut_written(b: GraphBuilder, call: Call) -> Value:
    """Translate a tensor whose range of an axis is another tensor."""
    x, part = call["self"], call["src"]
    known = x if isinstance(x, Value) else part
    if not isinstance(x, Value):
        shape, rank = tuple(x.shape), x.ndim
    else:
        shape, rank = x.full, len(x.full)
    axis = int(call["dim"]) % rank
    start, stop, step = _range(call, shape[axis])
    inner = (*shape[:axis], len(range(start, stop, step)), *shape[axis + 1 :])
    part = _fitting(b, call, inner, part)
    if (start, stop, step) == (0, shape[axis], 1):
        whole_part: Value = part
        return whole_part
    if step != 1 or axis == known.batch:
        raise refuse(b, f"{call.name} with step={step} along dim={call['dim']}")
    sides = [
        piece
        for low, high in ((0, start), (stop, shape[axis]))
        for piece in [
            ranged(b, x, axis, low, high)
            if isinstance(x, Value) and low < high
            else (None if isinstance(x, Value) else x.narrow(axis, low, high - low))
        ]
    ]
    parts = [sides[0], part, sides[1]]
    kept = [plain(p) for p in parts if p is not None and not _is_empty(p)]
    return join(b, kept, axis)


def written(b: GraphBuilder, call: Call) -> Any:
    """Translate a tensor that is overwritten as a whole."""
    x = call["self"]
    shape = x.full if isinstance(x, Value) else tuple(x.shape)
    return _fitting(b, call, shape, call["src"])


def _fitting(b: GraphBuilder, call: Call, shape: tuple[int, ...], part: Any) -> Any:
    if not isinstance(part, Value):
        return torch.as_tensor(part).expand(shape)
    return part if part.full == shape else expand(b, part, shape)


def index(b: GraphBuilder, call: Call) -> Value:
    """Translate constant indices of one axis, or of neighbouring axes."""
    x, given = call.value(b), call["indices"]
    used = [i for i, one in enumerate(given) if one is not None]
    tensors = [given[i] for i in used]
    if not all(isinstance(t, torch.Tensor) for t in tensors) or used != list(
        range(used[0], used[0] + len(used))
    ):
        raise refuse(b, f"{call.name} with computed or scattered indices")
    if any(t.dtype == torch.bool for t in tensors):
        if len(tensors) > 1 or tensors[0].ndim != 1:
            raise refuse(b, f"{call.name} with masks")
        tensors = [tensors[0].nonzero()[:, 0]]
    axis, sizes = used[0], [x.full[i] for i in used]
    if x.batch in used:
        x = whole(b, x)
    places = torch.zeros((), dtype=torch.int64)
    for size, one in zip(sizes, tensors, strict=True):
        places = places * size + torch.where(one < 0, one + size, one)
    rest = x.full[axis + len(used) :]
    if len(used) > 1:
        x = reshape(b, x, [*x.full[:axis], prod(sizes), *rest])
    return gathered(b, x, axis, array(places))


def index_select(b: GraphBuilder, call: Call) -> Value:
    """Translate constant places of an axis."""
    x, places = call.value(b), call.constant(b, "index")
    assert places is not None
    return gathered(b, x, _dim(x, call), array(places).reshape(-1))


def flip(b: GraphBuilder, call: Call) -> Value:
    """Translate axes turned round."""
    x = call.value(b)
    cuts = [(0, size, 1) for size in x.shape]
    for dim in call["dims"]:
        axis = int(dim) % len(x.full)
        if axis == x.batch:
            continue
        cuts[own_axis(x, axis)] = (x.full[axis] - 1, -1, -1)
    starts, stops, steps = (tuple(c) for c in zip(*cuts, strict=True))
    attrs = {"starts": starts, "stops": stops, "steps": steps}
    return b.like(x, "cut", attrs=attrs)


def roll(b: GraphBuilder, call: Call) -> Value:
    """Translate axes moved round in a circle."""
    x, dims = call.value(b), list(call.get("dims") or ())
    shifts = call["shifts"]
    shifts = [shifts] if isinstance(shifts, int) else list(shifts)
    if not dims:
        raise refuse(b, "roll over all axes at once")
    for shift, dim in zip(shifts, dims, strict=True):
        axis = int(dim) % len(x.full)
        at = -int(shift) % x.full[axis]
        if at:
            size = x.full[axis]
            parts = [ranged(b, x, axis, at, size), ranged(b, x, axis, 0, at)]
            x = join(b, parts, axis)
    return x
