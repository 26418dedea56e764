"""Matrix products of tensors of any rank, the same for torch and ONNX.

Belongs here: products of computed tensors and of constants, and the layers that some of
them are.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.reshapes import as_shape, squeeze, unsqueeze, whole


def dense(b: GraphBuilder, x: Value, weight: Any, bias: Any) -> Value:
    """Return a fully connected layer over the last axis of a tensor."""
    if x.batch == len(x.full) - 1:
        x = whole(b, x)
    op = "linear" if len(x.shape) == 1 else "tokens_linear"
    return b.like(x, op, params={"weight": weight, "bias": bias})


def product(b: GraphBuilder, left: Any, right: Any) -> Value:
    """Return the matrix product of two tensors, at least one of them computed."""
    ranks = [len(s.full) if isinstance(s, Value) else s.ndim for s in (left, right)]
    if ranks[0] == 1:
        left = unsqueeze(b, left, 0) if isinstance(left, Value) else left[None]
        made = product(b, left, right)
        return squeeze(b, made, [len(made.full) - 1 - (ranks[1] > 1)])
    if ranks[1] == 1:
        right = unsqueeze(b, right, 1) if isinstance(right, Value) else right[:, None]
        made = product(b, left, right)
        return squeeze(b, made, [len(made.full) - 1])
    if isinstance(left, Value) and not isinstance(right, Value) and right.ndim == 2:
        zeros = np.zeros(right.shape[1], np.float32)
        return dense(b, left, right.T, zeros)
    rank = max(ranks)
    sides, places = (left, right), set()
    for side, own in zip(sides, ranks, strict=True):
        if isinstance(side, Value):
            at = None if side.batch is None else side.batch + rank - own
            places.add(at if at is not None and at < rank - 2 else None)
    place = next(iter(places)) if len(places) == 1 else None
    for side, own in zip(sides, ranks, strict=True):
        at = -1 if place is None else place - (rank - own)
        if not isinstance(side, Value) and at >= 0 and side.shape[at] != 1:
            place = None
    values, params = [], {}
    for i, (side, own) in enumerate(zip(sides, ranks, strict=True)):
        if isinstance(side, Value):
            values.append(side if place is not None else whole(b, side))
            continue
        at = -1 if place is None else place - (rank - own)
        params[f"c{i}"] = side.squeeze(at) if at >= 0 else side
    made = replace(b.add("matmul", values, params=params), batch=place)
    if place is None and made.shape and made.shape[0] == 1:
        made = as_shape(b, made, made.full, 0)
    return made
