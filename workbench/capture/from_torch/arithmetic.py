"""What functions of one, two or three numbers become in the engine's graph.

Belongs here: elementwise operations, of computed tensors and of constants. Sums and
products with one number a channel become a scale and a shift, which fold into layers.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch

from workbench.capture import activations
from workbench.capture.arguments import refuse
from workbench.capture.broadcast import per_channel
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_torch.call import Call
from workbench.capture.from_torch.layers import array
from workbench.capture.reshapes import as_shape, whole
from workbench.engine.graph.graph import UncoveredOp

SELU = (1.6732632423543772, 1.0507009873554805)
"""Its alpha and its scale, of which mean 0 and variance 1 are kept."""

Translate = Callable[[GraphBuilder, Call], Value]


def elementwise(
    b: GraphBuilder, op: str, operands: Sequence[Any], **attrs: Any
) -> Value:
    """Return an operation over operands that are broadcast, some of them constants.

    Parameters
    ----------
    b : GraphBuilder
    op : str
        binary, where, clamp.
    operands : sequence of Value, tensor or number
        In order; at least one is computed.
    attrs
        Of the operation.
    """
    sides = [o if isinstance(o, Value) else torch.as_tensor(o) for o in operands]
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
    shapes = [s.full if isinstance(s, Value) else tuple(s.shape) for s in sides]
    full = tuple(np.broadcast_shapes(*shapes))
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
        f"c{i}": array(side)
        for i, side in enumerate(sides)
        if not isinstance(side, Value)
    }
    return replace(b.add(op, computed, attrs=attrs, params=params), batch=None)


def unary(kind: str) -> Translate:
    """Return the translation of a function of each number."""

    def translate(b: GraphBuilder, call: Call) -> Value:
        return b.like(call.value(b), "unary", attrs={"kind": kind})

    return translate


def binary(kind: str) -> Translate:
    """Return the translation of a function of two numbers."""

    def translate(b: GraphBuilder, call: Call) -> Value:
        left, right = operands(b, call)
        return elementwise(b, "binary", (left, right), kind=kind)

    return translate


def operands(b: GraphBuilder, call: Call, second: str = "other") -> tuple[Any, Any]:
    """Return both sides; at least one is computed."""
    left, right = call["self"], call[second]
    if isinstance(left, Value) or isinstance(right, Value):
        for side in (left, right):
            if not isinstance(side, Value | torch.Tensor | int | float):
                raise refuse(b, f"{call.name} with {type(side).__name__}")
        return left, right
    raise refuse(b, f"{call.name} of {type(left).__name__} and {type(right).__name__}")


def affine(b: GraphBuilder, name: str, x: Value, scale: Any, shift: Any) -> Value:
    """Return ``x * scale + shift``, by channel where that says it."""
    if x.batch == 0 and len(x.shape) in (1, 3):
        try:
            params = {
                key: per_channel(b, name, x.shape, array(torch.as_tensor(value)))
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
    return not isinstance(value, torch.Tensor) and value == number


def add(b: GraphBuilder, call: Call) -> Value:
    """Translate ``self + alpha * other``."""
    left, right = operands(b, call)
    return _sum(b, call.name, left, right, call.get("alpha", 1))


def sub(b: GraphBuilder, call: Call) -> Value:
    """Translate ``self - alpha * other``."""
    left, right = operands(b, call)
    alpha = call.get("alpha", 1)
    if isinstance(left, Value) and isinstance(right, Value) and alpha == 1:
        return elementwise(b, "binary", (left, right), kind="sub")
    return _sum(b, call.name, left, right, -alpha)


def _sum(b: GraphBuilder, name: str, left: Any, right: Any, alpha: Any) -> Value:
    if not isinstance(left, Value):
        return affine(b, name, right, alpha, left)
    if not isinstance(right, Value):
        return affine(b, name, left, 1, alpha * torch.as_tensor(right))
    if alpha != 1:
        right = affine(b, name, right, alpha, 0)
    if left.shape == right.shape and left.batch == right.batch is not None:
        return replace(b.add("add", [left, right]), batch=left.batch)
    return elementwise(b, "binary", (left, right), kind="add")


def rsub(b: GraphBuilder, call: Call) -> Value:
    """Translate ``other - alpha * self``."""
    given = {"self": call["other"], "other": call["self"], "alpha": call["alpha"]}
    return sub(b, Call(call.name, given, made=call.made))


def mul(b: GraphBuilder, call: Call) -> Value:
    """Translate a product of each element, or of each channel and one number."""
    left, right = operands(b, call)
    if not isinstance(left, Value):
        left, right = right, left
    if not isinstance(right, Value):
        return affine(b, call.name, left, right, 0)
    if left.batch == right.batch is not None:
        gate = ((*left.shape[:1], 1, 1),) if len(left.shape) == 3 else ()
        if left.shape == right.shape or right.shape in gate:
            return replace(b.add("mul", [left, right]), batch=left.batch)
        if len(right.shape) == 3 and left.shape == (right.shape[0], 1, 1):
            return replace(b.add("mul", [right, left]), batch=left.batch)
    return elementwise(b, "binary", (left, right), kind="mul")


def div(b: GraphBuilder, call: Call) -> Value:
    """Translate a quotient, also one that is rounded."""
    left, right = operands(b, call)
    rounding = call.get("rounding_mode")
    if rounding is None and not isinstance(right, Value):
        return affine(b, call.name, left, 1.0 / torch.as_tensor(right), 0)
    if rounding == "floor":
        return elementwise(b, "binary", (left, right), kind="floor_div")
    made = elementwise(b, "binary", (left, right), kind="div")
    if rounding == "trunc":
        return b.like(made, "unary", attrs={"kind": "trunc"})
    return made


def power(b: GraphBuilder, call: Call) -> Value:
    """Translate a power; common exponents have a function of their own."""
    left, right = operands(b, call, "exponent")
    known = {2: "square", 0.5: "sqrt", -0.5: "rsqrt", -1: "reciprocal"}
    if isinstance(left, Value) and isinstance(right, int | float) and right in known:
        return b.like(left, "unary", attrs={"kind": known[right]})
    return elementwise(b, "binary", (left, right), kind="pow")


def where(b: GraphBuilder, call: Call) -> Value:
    """Translate a choice between two tensors."""
    if "self" not in call.given:
        raise refuse(b, "where without values to choose from")
    sides = (call["condition"], call["self"], call["other"])
    return elementwise(b, "where", sides)


def masked_fill(b: GraphBuilder, call: Call) -> Value:
    """Translate a number in the place of some."""
    return elementwise(b, "where", (call["mask"], call["value"], call["self"]))


def clip(b: GraphBuilder, call: Call) -> Value:
    """Translate whatever keeps numbers between two bounds."""
    x = call["self"]
    low = call.get("min_val" if "min_val" in call.given else "min")
    high = call.get("max_val" if "max_val" in call.given else "max")
    lo, hi = _bound(low), _bound(high)
    if not isinstance(x, Value) or "computed" in (lo, hi):
        bounds = (
            -np.inf if low is None else low,
            np.inf if high is None else high,
        )
        return elementwise(b, "clamp", (x, *bounds))
    lo = -np.inf if lo is None else lo
    hi = np.inf if hi is None else hi
    if (lo, hi) == (0.0, np.inf):
        return b.like(x, "relu")
    # Torch gives the upper bound where the lower one is above it.
    return b.like(x, "clip", attrs={"lo": min(lo, hi), "hi": hi})


def _bound(bound: Any) -> Any:
    """Return a bound as one number, None without one, "computed" for all others."""
    if bound is None:
        return None
    if isinstance(bound, Value):
        return "computed"
    flat = torch.as_tensor(bound).detach().double().reshape(-1)
    if len(flat) == 0 or not bool((flat == flat[0]).all()) or bool(flat.isnan().any()):
        return "computed"
    return float(flat[0])


def relu6(b: GraphBuilder, call: Call) -> Value:
    """Translate the ReLU that ends at 6."""
    return b.like(call.value(b), "clip", attrs={"lo": 0.0, "hi": 6.0})


def converted(b: GraphBuilder, call: Call) -> Value:
    """Translate a change of the type of numbers."""
    x = call.value(b)
    target = x.kind if call.made is None else kind_of(call.made.dtype)
    if target == x.kind:
        return x
    if target in ("float16", "bfloat16"):
        raise refuse(b, f"{call.name} to {target}, which rounds")
    if target == "bool":
        return elementwise(b, "binary", (x, 0), kind="ne")
    if x.kind.startswith(("float", "bfloat")) and target.startswith("int"):
        return b.like(x, "unary", attrs={"kind": "trunc"})
    if target.startswith(("float", "bfloat", "int")):
        return x
    raise refuse(b, f"{call.name} to {target}")


def kind_of(dtype: torch.dtype) -> str:
    """Return the name of a type of numbers."""
    return str(dtype).removeprefix("torch.")


def gelu(b: GraphBuilder, call: Call) -> Value:
    """Translate both forms of GELU."""
    x = call.value(b)
    return _as(x, activations.gelu(b, x, call["approximate"]))


def elu(b: GraphBuilder, call: Call) -> Value:
    """Translate ELU, SELU and CELU."""
    x, alpha = call.value(b), float(call.get("alpha", 1.0))
    scale, inner = float(call.get("scale", 1.0)), float(call.get("input_scale", 1.0))
    if call.name == "selu":
        alpha, scale = SELU
    elif call.name == "celu":
        inner = 1 / alpha
    numbers = {"alpha": alpha, "scale": scale, "inner": inner}
    return _as(x, activations.elu(b, call.name, x, **numbers))


def leaky(b: GraphBuilder, call: Call) -> Value:
    """Translate a ReLU with a slope below zero."""
    x = call.value(b)
    return _as(x, activations.leaky_relu(b, x, call["negative_slope"]))


def prelu(b: GraphBuilder, call: Call) -> Value:
    """Translate a ReLU with a slope, or one a channel."""
    x, weight = call.value(b), call.constant(b, "weight")
    assert weight is not None
    slopes = array(weight).reshape(-1)
    if slopes.size > 1 and (x.batch != 0 or x.shape[0] != slopes.size):
        raise refuse(b, f"prelu of {x.full} with {slopes.size} slopes")
    wide = slopes.reshape(-1, *(1,) * (len(x.shape) - 1))
    if slopes.size == 1 or len(x.shape) in (1, 3):
        return _as(x, activations.prelu(b, call.name, x, wide))
    return b.like(x, "prelu", params={"slope": wide})


def softplus(b: GraphBuilder, call: Call) -> Value:
    """Translate softplus."""
    x = call.value(b)
    return _as(x, activations.softplus(b, x, call["beta"], call["threshold"]))


def _as(x: Value, made: Value) -> Value:
    """Return a tensor whose batch is where that of another is."""
    return replace(made, batch=x.batch)


def log_sigmoid(b: GraphBuilder, call: Call) -> Value:
    """Translate ``log(sigmoid(x)) = -softplus(-x)``."""
    minus = b.like(call.value(b), "unary", attrs={"kind": "neg"})
    made = b.like(minus, "softplus")
    return b.like(made, "unary", attrs={"kind": "neg"})


def threshold(b: GraphBuilder, call: Call) -> Value:
    """Translate numbers above a threshold, another number for the rest."""
    x = call.value(b)
    above = elementwise(b, "binary", (x, call["threshold"]), kind="gt")
    return elementwise(b, "where", (above, x, call["value"]))
