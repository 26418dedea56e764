"""What matrix products and attention become in the engine's graph.

Belongs here: matmul of computed tensors and of constants, scaled attention.
"""

from math import sqrt
from typing import Any

import torch

from workbench.capture.arguments import refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.elementwise import elementwise
from workbench.capture.frames import repeated
from workbench.capture.from_torch.call import Call
from workbench.capture.from_torch.layers import plain
from workbench.capture.products import product
from workbench.capture.reshapes import transpose


def matmul(b: GraphBuilder, call: Call) -> Value:
    """Translate a product of matrices, vectors or batches of matrices."""
    sides = (call["self"], call.get("other", call.get("mat2")))
    return product(b, *map(plain, sides))


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
    scores = product(b, query, plain(turned))
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
        scores = elementwise(b, "binary", (scores, plain(mask)), kind="add")
    axis = len(scores.shape) - 1
    return product(b, b.like(scores, "softmax", attrs={"axis": axis}), plain(value))
