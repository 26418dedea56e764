"""What matrix products and attention become in the engine's graph.

Belongs here: matmul of computed tensors and of constants, scaled attention.
"""

from dataclasses import replace
from math import sqrt
from typing import Any

import numpy as np
import torch

from workbench.capture.arguments import refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_torch.arithmetic import elementwise
from workbench.capture.from_torch.call import Call
from workbench.capture.from_torch.layers import array, dense
from workbench.capture.from_torch.spreads import repeated
from workbench.capture.reshapes import as_shape, squeeze, transpose, unsqueeze, whole


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
    if isinstance(left, Value) and isinstance(right, torch.Tensor) and right.ndim == 2:
        zeros = np.zeros(right.shape[1], np.float32)
        return dense(b, left, array(right.T.contiguous()), zeros)
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
        params[f"c{i}"] = array(side.squeeze(at) if at >= 0 else side)
    made = replace(b.add("matmul", values, params=params), batch=place)
    if place is None and made.shape and made.shape[0] == 1:
        made = as_shape(b, made, made.full, 0)
    return made


def matmul(b: GraphBuilder, call: Call) -> Value:
    """Translate a product of matrices, vectors or batches of matrices."""
    return product(b, call["self"], call.get("other", call.get("mat2")))


def _each_group(b: GraphBuilder, query: Value, side: Any) -> Any:
    """Return keys or values once for each head of the queries that shares them."""
    full = side.full if isinstance(side, Value) else side.shape
    times = query.full[-3] // full[-3]
    if isinstance(side, Value):
        return repeated(b, side, len(full) - 3, times, blocks=False)
    return side.repeat_interleave(times, -3)


def attention(b: GraphBuilder, call: Call) -> Value:
    """Translate scaled dot-product attention."""
    query, key, value = call.value(b, "query"), call["key"], call["value"]
    if float(call["dropout_p"]):
        raise refuse(b, f"{call.name} with dropout_p={call['dropout_p']}")
    if call["enable_gqa"]:
        key, value = (_each_group(b, query, side) for side in (key, value))
    scale = call["scale"]
    scale = 1 / sqrt(query.full[-1]) if scale is None else float(scale)
    turned = transpose(b, key, -2, -1) if isinstance(key, Value) else key.mT
    scores = product(b, query, turned)
    scores = elementwise(b, "binary", (scores, scale), kind="mul")
    mask = call["attn_mask"]
    if call["is_causal"]:
        length, width = scores.full[-2:]
        mask = torch.ones(length, width, dtype=torch.bool).tril()
    if isinstance(mask, torch.Tensor) and mask.dtype == torch.bool:
        zeros = torch.zeros(mask.shape)
        mask = zeros.masked_fill(~mask, float("-inf"))
    if isinstance(mask, Value) and mask.kind == "bool":
        scores = elementwise(b, "where", (mask, scores, float("-inf")))
    elif mask is not None:
        scores = elementwise(b, "binary", (scores, mask), kind="add")
    axis = len(scores.shape) - 1
    return product(b, b.like(scores, "softmax", attrs={"axis": axis}), value)
