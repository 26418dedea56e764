"""What functions of one, two or three numbers become in the engine's graph.

Belongs here: elementwise operations, of computed tensors and of constants. Sums and
products with one number a channel become a scale and a shift, which fold into layers.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from workbench.capture import activations
from workbench.capture.arguments import refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.elementwise import affine, elementwise, multiplied, total
from workbench.capture.from_torch.call import Call
from workbench.capture.from_torch.layers import array, plain

SELU = (1.6732632423543772, 1.0507009873554805)
"""Its alpha and its scale, of which mean 0 and variance 1 are kept."""

Translate = Callable[[GraphBuilder, Call], Value]


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
        return plain(left), plain(right)
    raise refuse(b, f"{call.name} of {type(left).__name__} and {type(right).__name__}")


def add(b: GraphBuilder, call: Call) -> Value:
    """Translate ``self + alpha * other``."""
    left, right = operands(b, call)
    return total(b, call.name, left, right, call.get("alpha", 1))


def sub(b: GraphBuilder, call: Call) -> Value:
    """Translate ``self - alpha * other``."""
    left, right = operands(b, call)
    alpha = call.get("alpha", 1)
    if isinstance(left, Value) and isinstance(right, Value) and alpha == 1:
        return elementwise(b, "binary", (left, right), kind="sub")
    return total(b, call.name, left, right, -alpha)


def rsub(b: GraphBuilder, call: Call) -> Value:
    """Translate ``other - alpha * self``."""
    given = {"self": call["other"], "other": call["self"], "alpha": call["alpha"]}
    return sub(b, Call(call.name, given, made=call.made))


def mul(b: GraphBuilder, call: Call) -> Value:
    """Translate a product of each element, or of each channel and one number."""
    left, right = operands(b, call)
    return multiplied(b, call.name, left, right)


def div(b: GraphBuilder, call: Call) -> Value:
    """Translate a quotient, also one that is rounded."""
    left, right = operands(b, call)
    rounding = call.get("rounding_mode")
    if rounding is None and not isinstance(right, Value):
        return affine(b, call.name, left, np.float32(1) / right, 0)
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
    return elementwise(b, "where", [plain(side) for side in sides])


def masked_fill(b: GraphBuilder, call: Call) -> Value:
    """Translate a number in the place of some."""
    sides = (call["mask"], call["value"], call["self"])
    return elementwise(b, "where", [plain(side) for side in sides])


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
        return elementwise(b, "clamp", [plain(one) for one in (x, *bounds)])
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
