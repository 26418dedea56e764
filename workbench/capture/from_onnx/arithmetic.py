"""What ONNX's functions of one, two or three numbers become in the engine's graph.

Belongs here: sums, products, comparisons, choices, functions of each number. Sums and
products with one number a channel become a scale and a shift, which fold into layers.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from onnx import TensorProto

from workbench.capture import elementwise as shared
from workbench.capture.arguments import Refused, refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_onnx.call import NUMBERS, Call, Translation, is_computed

KNOWN_POWERS = {2: "square", 0.5: "sqrt", -0.5: "rsqrt", -1: "reciprocal"}


def operands(b: GraphBuilder, call: Call) -> list[Any]:
    """Return the operands; a constant with the file's batch is that of one image."""
    sides = list(call.inputs)
    values = [side for side in sides if is_computed(side)]
    rank = max(
        len(side.full) if is_computed(side) else side.ndim
        for side in sides
        if side is not None
    )
    places = {v.batch + rank - len(v.full) for v in values if v.batch is not None}
    for i, side in enumerate(sides):
        if is_computed(side) or side is None:
            continue
        for place in places:
            at = place - (rank - side.ndim)
            if call.batch > 1 and at >= 0 and side.shape[at] == call.batch:
                side = one_image(b, call, side, at)
        sides[i] = side
    return sides


def one_image(b: GraphBuilder, call: Call, constant: Any, axis: int) -> Any:
    """Return a constant for one image, if it is the same for all of a batch."""
    first = constant.take([0], axis)
    if not np.array_equal(np.broadcast_to(first, constant.shape), constant):
        raise Refused(
            f"ONNX {call.name} with other numbers for each image of a batch", b.where
        )
    return first


def binary(kind: str) -> Translation:
    """Return the translation of a function of two numbers."""

    def translate(b: GraphBuilder, call: Call) -> Value:
        return shared.elementwise(b, "binary", operands(b, call), kind=kind)

    return translate


def folded(kind: str) -> Translation:
    """Return the translation of a maximum or minimum of any number of tensors."""

    def translate(b: GraphBuilder, call: Call) -> Value:
        result, *others = _constants_last(operands(b, call))
        for other in others:
            result = shared.elementwise(b, "binary", (result, other), kind=kind)
        made: Value = result
        return made

    return translate


def _constants_last(sides: list[Any]) -> list[Any]:
    return sorted(sides, key=lambda side: not is_computed(side))


def add(b: GraphBuilder, call: Call) -> Value:
    """Translate a sum of two tensors, or of one and a constant."""
    left, right = operands(b, call)
    return shared.total(b, call.name, left, right)


def total(b: GraphBuilder, call: Call) -> Any:
    """Translate a sum of any number of tensors, added from the first to the last."""
    result, *others = operands(b, call)
    for other in others:
        if is_computed(result) or is_computed(other):
            result = shared.total(b, call.name, result, other)
        else:
            result = result + other
    return result


def mean(b: GraphBuilder, call: Call) -> Any:
    """Translate a mean of any number of tensors."""
    made = total(b, call)
    count = len(call.inputs)
    return made if count == 1 else shared.affine(b, call.name, made, 1 / count, 0)


def sub(b: GraphBuilder, call: Call) -> Value:
    """Translate a difference."""
    left, right = operands(b, call)
    if is_computed(left) and is_computed(right):
        return shared.elementwise(b, "binary", (left, right), kind="sub")
    if is_computed(left):
        return shared.total(b, call.name, left, -right)
    return shared.affine(b, call.name, right, -1.0, left)


def mul(b: GraphBuilder, call: Call) -> Value:
    """Translate a product of each element, or of each channel and one number."""
    return shared.multiplied(b, call.name, *operands(b, call))


def div(b: GraphBuilder, call: Call) -> Value:
    """Translate a quotient."""
    left, right = operands(b, call)
    if is_computed(right):
        return shared.elementwise(b, "binary", (left, right), kind="div")
    with np.errstate(divide="ignore"):
        factor = 1 / np.asarray(right, np.float64)
    return shared.affine(b, call.name, left, factor, 0)


def power(b: GraphBuilder, call: Call) -> Any:
    """Translate a power; common exponents have a function of their own."""
    left, right = operands(b, call)
    if is_computed(left) and not is_computed(right) and right.size == 1:
        exponent = float(right.reshape(()))
        if exponent in KNOWN_POWERS and right.ndim <= len(left.full):
            return b.like(left, "unary", attrs={"kind": KNOWN_POWERS[exponent]})
        if exponent == 1:
            return replace(left)
    return shared.elementwise(b, "binary", (left, right), kind="pow")


def modulo(b: GraphBuilder, call: Call) -> Value:
    """Translate both kinds of remainder."""
    kind = "fmod" if call.attrs.get("fmod", 0) else "remainder"
    return shared.elementwise(b, "binary", operands(b, call), kind=kind)


def where(b: GraphBuilder, call: Call) -> Value:
    """Translate a choice between two tensors."""
    return shared.elementwise(b, "where", operands(b, call))


def unary(kind: str) -> Translation:
    """Return the translation of a function of each number."""

    def translate(b: GraphBuilder, call: Call) -> Value:
        return b.like(call.input(0), "unary", attrs={"kind": kind})

    return translate


def is_infinite(b: GraphBuilder, call: Call) -> Value:
    """Translate the test for infinity of either sign."""
    x = call.input(0)
    signs = [call.attrs.get(f"detect_{s}", 1) for s in ("negative", "positive")]
    if all(signs):
        return b.like(x, "unary", attrs={"kind": "isinf"})
    if not any(signs):
        raise refuse(b, "IsInf that detects nothing")
    wanted = -np.inf if signs[0] else np.inf
    return shared.elementwise(b, "binary", (x, wanted), kind="eq")


def clip(b: GraphBuilder, call: Call) -> Value:
    """Translate a clip; bounds may be numbers, tensors of one element, or computed."""
    x, low, high = call.input(0), _bound(call, 1, "min"), _bound(call, 2, "max")
    if is_computed(low) or is_computed(high):
        bounds = (-np.inf if low is None else low, np.inf if high is None else high)
        return shared.elementwise(b, "clamp", (x, *bounds))
    lo = _number(b, "min", low, -np.inf)
    hi = _number(b, "max", high, np.inf)
    if (lo, hi) == (0.0, np.inf):
        return b.like(x, "relu")
    # Where the bounds cross, the upper one wins.
    return b.like(x, "clip", attrs={"lo": min(lo, hi), "hi": hi})


def _bound(call: Call, index: int, name: str) -> Any:
    value = call.input(index)
    return call.attrs.get(name) if value is None else value


def _number(b: GraphBuilder, name: str, value: Any, default: float) -> float:
    value = np.asarray(default if value is None else value)
    if value.size != 1:
        raise refuse(b, f"a bound {name} of shape {value.shape}")
    return float(value.reshape(()))


def cast(b: GraphBuilder, call: Call) -> Any:
    """Translate a change of the type of numbers."""
    x, number = call.input(0), int(call.attrs["to"])
    known = {n: str(name).lower() for name, n in TensorProto.DataType.items()}
    if number not in known or known[number] in ("undefined", "string"):
        raise refuse(b, f"ONNX Cast to {known.get(number, number)}")
    # Wider and narrower numbers are float32 here.
    real = number in (
        *(TensorProto.FLOAT, TensorProto.FLOAT16),
        *(TensorProto.BFLOAT16, TensorProto.DOUBLE),
    )
    target = "float32" if real else known[number]
    if target == "bool":
        made = shared.elementwise(b, "binary", (x, 0), kind="ne")
    elif target in NUMBERS and (x.kind != "float32" or target == "float32"):
        made = x
    elif target in NUMBERS:
        made = b.like(x, "unary", attrs={"kind": "trunc"})
    else:
        raise refuse(b, f"ONNX Cast to {target}")
    return replace(made, kind=target)
