"""What ONNX's 8-bit operations become: the same numbers, in float32.

Belongs here: quantise, dequantise, and products of integers. An 8-bit number, and a sum
of products of such, is a float32 number as well.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from workbench.capture.arguments import refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.elementwise import elementwise, total
from workbench.capture.from_onnx import layers, windows
from workbench.capture.from_onnx.call import Call, is_computed

RANGES = {
    "uint8": (0.0, 255.0),
    "int8": (-128.0, 127.0),
    "uint16": (0.0, 65535.0),
    "int16": (-32768.0, 32767.0),
}


def _along(b: GraphBuilder, call: Call, x: Value, number: Any) -> Any:
    """Return a scale or zero point of an axis, or of the whole tensor."""
    number = np.asarray(number)
    if call.attrs.get("block_size", 0):
        raise refuse(b, f"ONNX {call.name} with block_size={call.attrs['block_size']}")
    if number.size == 1:
        return number.reshape(())
    axis = int(call.attrs.get("axis", 1)) % len(x.full)
    if number.ndim != 1 or number.size != x.full[axis]:
        raise refuse(b, f"ONNX {call.name} of {x.full} by scales {number.shape}")
    return number.reshape([-1 if i == axis else 1 for i in range(len(x.full))])


def quantise(b: GraphBuilder, call: Call) -> Value:
    """Translate ``clip(round(x / scale) + zero)``."""
    x, zero = call.input(0), call.input(2)
    kind = "uint8" if zero is None else np.asarray(zero).dtype.name
    if kind not in RANGES or call.attrs.get("output_dtype", 0):
        raise refuse(b, f"ONNX {call.name} to {kind}")
    scale = _along(b, call, x, call.input(1))
    steps = elementwise(b, "binary", (x, scale), kind="div")
    made = b.like(steps, "unary", attrs={"kind": "round"})
    if zero is not None and np.any(zero):
        shift = _along(b, call, x, zero).astype(np.float32)
        made = elementwise(b, "binary", (made, shift), kind="add")
    lo, hi = RANGES[kind]
    return replace(b.like(made, "clip", attrs={"lo": lo, "hi": hi}), kind=kind)


def dequantise(b: GraphBuilder, call: Call) -> Value:
    """Translate ``(x - zero) * scale``."""
    x, zero = call.input(0), call.input(2)
    if zero is not None and np.any(zero):
        shift = _along(b, call, x, zero).astype(np.float32)
        x = elementwise(b, "binary", (x, shift), kind="sub")
    scale = _along(b, call, x, call.input(1))
    return elementwise(b, "binary", (x, scale), kind="mul")


def dynamic(b: GraphBuilder, call: Call) -> list[Value]:
    """Translate a quantisation whose scale is that of the image's own range."""
    x = call.input(0)
    ends = []
    for kind in ("max", "min"):
        attrs = {"kind": kind, "axes": tuple(range(len(x.shape)))}
        end = replace(b.add("reduce", [x], attrs=attrs), batch=None)
        ends.append(elementwise(b, "binary", (end, 0.0), kind=f"{kind}imum"))
    high, low = ends
    span = elementwise(b, "binary", (high, low), kind="sub")
    scale = elementwise(b, "binary", (span, 255.0), kind="div")
    steps = elementwise(b, "binary", (low, scale), kind="div")
    minus = b.like(steps, "unary", attrs={"kind": "neg"})
    bounds = {"lo": 0.0, "hi": 255.0}
    zero = b.like(b.like(minus, "clip", attrs=bounds), "unary", attrs={"kind": "round"})
    parts = elementwise(b, "binary", (x, scale), kind="div")
    parts = b.like(parts, "unary", attrs={"kind": "round"})
    codes = b.like(total(b, call.name, parts, zero), "clip", attrs=bounds)
    return [replace(codes, kind="uint8"), scale, replace(zero, kind="uint8")]


def _from_zero(b: GraphBuilder, side: Any, zero: Any) -> Any:
    """Return a tensor less its zero point."""
    if zero is None or (not is_computed(zero) and not np.any(zero)):
        return side if is_computed(side) else np.asarray(side, np.float32)
    if not is_computed(side) and not is_computed(zero):
        return np.subtract(side, zero, dtype=np.float32)
    sides = [
        one if is_computed(one) else np.asarray(one, np.float32) for one in (side, zero)
    ]
    return elementwise(b, "binary", sides, kind="sub")


def _without_zeros(b: GraphBuilder, call: Call, rows: bool) -> Call:
    sides = []
    for i in (0, 1):
        side, zero = call.input(i), call.input(i + 2)
        if zero is not None and not is_computed(zero) and np.ndim(zero) == 1:
            # One a row of the left matrix, or a filter of the weight.
            wide = np.ndim(side) - 1 if not rows else int(i == 0)
            zero = zero.reshape(-1, *(1,) * wide) if zero.size > 1 else zero[0]
        sides.append(_from_zero(b, side, zero))
    return replace(call, inputs=tuple(sides))


def conv(b: GraphBuilder, call: Call) -> Value:
    """Translate a convolution of integers."""
    return windows.conv(b, _without_zeros(b, call, rows=False))


def product(b: GraphBuilder, call: Call) -> Value:
    """Translate a matrix product of integers."""
    return layers.matmul(b, _without_zeros(b, call, rows=True))
