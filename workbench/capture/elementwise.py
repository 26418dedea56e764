"""Functions of one, two or three numbers whose operands are broadcast.

Belongs here: how operands of any rank meet, computed ones and constants, wherever their
batch is; the same for torch and ONNX. Sums and products with one number a channel
become a scale and a shift, which fold into layers. Knows neither torch nor ONNX.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from workbench.capture.broadcast import per_channel
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.reshapes import as_shape, whole
from workbench.engine.graph.graph import UncoveredOp


def elementwise(
    b: GraphBuilder, op: str, operands: Sequence[Any], **attrs: Any
) -> Value:
    """Return an operation over operands that are broadcast, some of them constants.

    Parameters
    ----------
    b : GraphBuilder
    op : str
        binary, where, clamp.
    operands : sequence of Value, array or number
        In order; at least one is computed.
    attrs
        Of the operation.
    """
    sides = [o if isinstance(o, Value) else np.asarray(o) for o in operands]
    ranks = [len(s.full) if isinstance(s, Value) else s.ndim for s in sides]
    rank = max(ranks)
    first = next(i for i, side in enumerate(sides) if isinstance(side, Value))
    if ranks[first] < rank and rank not in [
        len(side.full) for side in sides if isinstance(side, Value)
    ]:
        # Only a constant has so many axes: the result gets them before the batch.
        x = cast("Value", sides[first])
        more = rank - ranks[first]
        place = None if x.batch is None else x.batch + more
        sides[first] = as_shape(b, x, (*(1,) * more, *x.full), place)
        ranks[first] = rank
    places = {
        None if side.batch is None else side.batch + rank - own
        for side, own in zip(sides, ranks, strict=True)
        if isinstance(side, Value)
    }
    place = next(iter(places)) if len(places) == 1 else None
    if place is not None:
        for side, own in zip(sides, ranks, strict=True):
            at = place - (rank - own)
            if not isinstance(side, Value) and at >= 0 and side.shape[at] != 1:
                place = None
                break
    shapes = [s.full if isinstance(s, Value) else s.shape for s in sides]
    full = tuple(int(n) for n in np.broadcast_shapes(*shapes))
    if place is None:
        known = [p for p in places if p is not None and full[p] == 1]
        sides = [whole(b, s) if isinstance(s, Value) else s for s in sides]
        made = _add(b, op, sides, attrs)
        return as_shape(b, made, full, known[0] if known else None)
    own_sides = [
        s
        if isinstance(s, Value)
        else s.reshape([n for i, n in enumerate(s.shape) if i != place - (rank - own)])
        for s, own in zip(sides, ranks, strict=True)
    ]
    return as_shape(b, _add(b, op, own_sides, attrs), full, place)


def _add(b: GraphBuilder, op: str, sides: Sequence[Any], attrs: Any) -> Value:
    computed = [side for side in sides if isinstance(side, Value)]
    params = {
        f"c{i}": side for i, side in enumerate(sides) if not isinstance(side, Value)
    }
    return replace(b.add(op, computed, attrs=attrs, params=params), batch=None)


def affine(b: GraphBuilder, name: str, x: Value, scale: Any, shift: Any) -> Value:
    """Return ``x * scale + shift``, by channel where that says it."""
    if x.batch == 0 and len(x.shape) in (1, 3):
        try:
            params = {
                key: per_channel(b, name, x.shape, np.asarray(value, np.float32))
                for key, value in (("scale", scale), ("shift", shift))
            }
            return b.like(x, "batchnorm", params=params)
        except UncoveredOp:
            pass
    if not _is_number(scale, 1):
        x = elementwise(b, "binary", (x, scale), kind="mul")
    if not _is_number(shift, 0):
        x = elementwise(b, "binary", (x, shift), kind="add")
    return x


def _is_number(value: Any, number: float) -> bool:
    return isinstance(value, int | float) and value == number


def total(b: GraphBuilder, name: str, left: Any, right: Any, alpha: float = 1) -> Value:
    """Return ``left + alpha * right``; at least one side is computed."""
    if not isinstance(left, Value):
        return affine(b, name, right, alpha, left)
    if not isinstance(right, Value):
        return affine(b, name, left, 1, alpha * np.asarray(right))
    if alpha != 1:
        right = affine(b, name, right, alpha, 0)
    if left.shape == right.shape and left.batch == right.batch is not None:
        return replace(b.add("add", [left, right]), batch=left.batch)
    return elementwise(b, "binary", (left, right), kind="add")


def multiplied(b: GraphBuilder, name: str, left: Any, right: Any) -> Value:
    """Return a product of each element, or of each channel and one number."""
    if not isinstance(left, Value):
        left, right = right, left
    if not isinstance(right, Value):
        return affine(b, name, left, right, 0)
    if left.batch == right.batch is not None:
        gate = ((*left.shape[:1], 1, 1),) if len(left.shape) == 3 else ()
        if left.shape == right.shape or right.shape in gate:
            return replace(b.add("mul", [left, right]), batch=left.batch)
        if len(right.shape) == 3 and left.shape == (right.shape[0], 1, 1):
            return replace(b.add("mul", [right, left]), batch=left.batch)
    return elementwise(b, "binary", (left, right), kind="mul")
