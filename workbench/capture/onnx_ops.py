"""What each ONNX operation becomes in the engine's graph.

Belongs here: one small function per ONNX operation and the table that finds it.
Adding an operation = one function + one line in `TRANSLATIONS`. Reshapes and
transposes are shared with the torch importer (`aten_shapes`).

A translation gets the builder and a `Call`: the node's inputs (a `Value`, a numpy
constant, or None where an optional input is left out), its attributes, its opset.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.capture import aten_shapes
from workbench.capture.arguments import refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.errors import WorkbenchError

Array = NDArray[Any]


@dataclass(frozen=True)
class Call:
    """One ONNX node with its inputs resolved."""

    inputs: tuple[Any, ...]
    attrs: Mapping[str, Any]
    opset: int

    def input(self, index: int) -> Any:
        """Return an input, or None where it is left out."""
        return self.inputs[index] if index < len(self.inputs) else None

    def constant(self, index: int, attr: str, default: Any = None) -> Any:
        """Return what is an attribute in old opsets and an input in new ones."""
        value = self.input(index)
        if value is None:
            return self.attrs.get(attr, default)
        if isinstance(value, Value):
            raise WorkbenchError(
                f"{attr} that depends on the network's input",
                "a constant",
                "Export the network with static shapes.",
            )
        return value.tolist()


Translation = Callable[[GraphBuilder, Call], Any]


def _window(
    b: GraphBuilder, call: Call, shape: Sequence[int], kernel: Sequence[int]
) -> dict[str, Any]:
    """Return stride, dilation and padding (top, left, bottom, right) of a window."""
    if len(kernel) != 2:
        raise refuse(b, f"a window over {len(kernel)} axes")
    stride = tuple(int(s) for s in call.attrs.get("strides", (1, 1)))
    dilation = tuple(int(d) for d in call.attrs.get("dilations", (1, 1)))
    mode = call.attrs.get("auto_pad", "NOTSET")
    pads = [int(p) for p in call.attrs.get("pads", (0, 0, 0, 0))]
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        pads = [0, 0, 0, 0]
        for axis in range(2):
            extent = (kernel[axis] - 1) * dilation[axis] + 1
            count = -(-shape[1 + axis] // stride[axis])
            total = max((count - 1) * stride[axis] + extent - shape[1 + axis], 0)
            small, large = total // 2, total - total // 2
            first = small if mode == "SAME_UPPER" else large
            pads[axis], pads[axis + 2] = first, total - first
    elif mode == "VALID":
        pads = [0, 0, 0, 0]
    return {"stride": stride, "dilation": dilation, "padding": tuple(pads)}


def _conv(b: GraphBuilder, call: Call) -> Value:
    x, weight, bias = call.input(0), call.input(1), call.input(2)
    if isinstance(weight, Value) or isinstance(bias, Value):
        raise refuse(b, "Conv whose weight is computed")
    attrs = _window(b, call, x.shape, weight.shape[2:])
    attrs["groups"] = int(call.attrs.get("group", 1))
    if bias is None:
        bias = np.zeros(weight.shape[0], np.float32)
    return b.add("conv2d", [x], attrs=attrs, params={"weight": weight, "bias": bias})


def _dense(b: GraphBuilder, x: Value, weight: Array, bias: Array | None) -> Value:
    if len(x.shape) != 1:
        raise refuse(b, f"a matrix product over the last axis of {x.shape}")
    if bias is None:
        bias = np.zeros(weight.shape[0], np.float32)
    bias = np.asarray(bias)
    if bias.size not in (1, weight.shape[0]) or bias.shape[:-1] not in ((), (1,)):
        raise refuse(b, f"a bias of shape {bias.shape} for {weight.shape[0]} outputs")
    bias = np.broadcast_to(bias.reshape(-1), (weight.shape[0],))
    return b.add("linear", [x], params={"weight": weight, "bias": bias})


def _gemm(b: GraphBuilder, call: Call) -> Value:
    x, weight, bias = call.input(0), call.input(1), call.input(2)
    if isinstance(weight, Value) or isinstance(bias, Value) or not _is_value(x):
        raise refuse(b, "Gemm whose weight is computed")
    if call.attrs.get("transA", 0):
        raise refuse(b, "Gemm with transA")
    weight = weight if call.attrs.get("transB", 0) else weight.T
    if bias is not None:
        bias = bias * np.float32(call.attrs.get("beta", 1.0))
    return _dense(b, x, weight * np.float32(call.attrs.get("alpha", 1.0)), bias)


def _matmul(b: GraphBuilder, call: Call) -> Value:
    x, weight = call.input(0), call.input(1)
    if not _is_value(x) or _is_value(weight) or weight.ndim != 2:
        raise refuse(b, "MatMul of two computed tensors")
    return _dense(b, x, weight.T, None)


def _batch_norm(b: GraphBuilder, call: Call) -> Value:
    gamma, beta, mean, var = (np.asarray(a, np.float64) for a in call.inputs[1:5])
    if call.attrs.get("training_mode", 0):
        raise refuse(b, "BatchNormalization in training mode")
    scale = gamma / np.sqrt(var + call.attrs.get("epsilon", 1e-5))
    params = {"scale": scale, "shift": beta - mean * scale}
    return b.add("batchnorm", [call.input(0)], params=params)


def _unary(op: str) -> Translation:
    def translate(b: GraphBuilder, call: Call) -> Value:
        return b.add(op, [call.input(0)])

    return translate


def _clip(b: GraphBuilder, call: Call) -> Value:
    low = call.constant(1, "min", -np.inf)
    high = call.constant(2, "max", np.inf)
    if (low, high) == (0.0, np.inf):
        return b.add("relu", [call.input(0)])
    attrs = {"lo": float(low), "hi": float(high)}
    return b.add("clip", [call.input(0)], attrs=attrs)


def _hardsigmoid(b: GraphBuilder, call: Call) -> Value:
    alpha, beta = call.attrs.get("alpha", 0.2), call.attrs.get("beta", 0.5)
    x = call.input(0)
    if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5:
        return b.add("hardsigmoid", [x])
    scaled = _affine(b, x, np.float32(alpha), np.float32(beta))
    return b.add("clip", [scaled], attrs={"lo": 0.0, "hi": 1.0})


def _is_value(item: Any) -> bool:
    return isinstance(item, Value)


def _channels(b: GraphBuilder, x: Value, constant: Any) -> Array:
    """Return a scalar or per-channel constant as C values."""
    array = np.asarray(constant, np.float32)
    lead = (array.ndim == len(x.shape) + 1 and array.shape[0] == 1) or array.size == 1
    flat = array.reshape(array.shape[1:] if array.ndim > len(x.shape) else array.shape)
    per_channel = flat.size == 1 or (
        flat.size == x.shape[0] and flat.shape in (x.shape[:1], (x.shape[0], 1, 1))
    )
    aligned = lead or flat.ndim == len(x.shape)
    if not per_channel or not aligned:
        raise refuse(b, f"a constant of shape {array.shape} beside {x.shape}")
    return np.broadcast_to(flat.reshape(-1), (x.shape[0],))


def _affine(b: GraphBuilder, x: Value, scale: Any, shift: Any) -> Value:
    params = {"scale": _channels(b, x, scale), "shift": _channels(b, x, shift)}
    return b.add("batchnorm", [x], params=params)


def _no_legacy_broadcast(b: GraphBuilder, call: Call) -> None:
    """Refuse opset 6's one-sided broadcasting, whose axes mean something else."""
    if call.attrs.get("broadcast", 0):
        raise refuse(b, "an elementwise operation with the attribute broadcast")


def _add(b: GraphBuilder, call: Call) -> Value:
    _no_legacy_broadcast(b, call)
    left, right = call.input(0), call.input(1)
    if _is_value(left) and _is_value(right):
        return b.add("add", [left, right])
    x, constant = (left, right) if _is_value(left) else (right, left)
    return _affine(b, x, np.float32(1), constant)


def _sub(b: GraphBuilder, call: Call) -> Value:
    _no_legacy_broadcast(b, call)
    left, right = call.input(0), call.input(1)
    if _is_value(left) and not _is_value(right):
        return _affine(b, left, np.float32(1), -right)
    if _is_value(right) and not _is_value(left):
        return _affine(b, right, np.float32(-1), left)
    raise refuse(b, "Sub of two computed tensors")


def _mul(b: GraphBuilder, call: Call) -> Value:
    _no_legacy_broadcast(b, call)
    left, right = call.input(0), call.input(1)
    if _is_value(left) and _is_value(right):
        if left.shape != right.shape and left.shape[1:] == (1, 1):
            left, right = right, left
        return b.add("mul", [left, right])
    x, constant = (left, right) if _is_value(left) else (right, left)
    return _affine(b, x, constant, np.float32(0))


def _div(b: GraphBuilder, call: Call) -> Value:
    _no_legacy_broadcast(b, call)
    if _is_value(call.input(1)):
        raise refuse(b, "Div by a computed tensor")
    return _affine(b, call.input(0), 1 / call.input(1), np.float32(0))


def _axis(b: GraphBuilder, axis: int, x: Value) -> None:
    if axis not in (1, -len(x.shape)):
        raise refuse(b, f"concat, split or slice along axis {axis}")


def _concat(b: GraphBuilder, call: Call) -> Value:
    if not all(_is_value(part) for part in call.inputs):
        raise refuse(b, "Concat with a constant")
    _axis(b, int(call.attrs["axis"]), call.input(0))
    return b.add("concat", list(call.inputs))


def _cut(b: GraphBuilder, x: Value, start: int, stop: int) -> Value:
    if (start, stop) == (0, x.shape[0]):
        return Value(x.id, x.shape)
    return b.add("slice", [x], attrs={"start": start, "stop": stop})


def _split(b: GraphBuilder, call: Call) -> list[Value]:
    x = call.input(0)
    _axis(b, int(call.attrs.get("axis", 0)), x)
    sizes = call.constant(1, "split")
    if sizes is None:
        parts = int(call.attrs.get("num_outputs", call.attrs["outputs"]))
        size = -(-x.shape[0] // parts)
        sizes = [size] * (parts - 1) + [x.shape[0] - size * (parts - 1)]
    bounds = np.concatenate([[0], np.cumsum(sizes)]).astype(int).tolist()
    return [_cut(b, x, start, stop) for start, stop in pairwise(bounds)]


def _slice(b: GraphBuilder, call: Call) -> Value:
    x = call.input(0)
    starts, ends = call.constant(1, "starts"), call.constant(2, "ends")
    axes = call.constant(3, "axes") or list(range(len(starts)))
    steps = call.constant(4, "steps") or [1] * len(starts)
    full = (1, *x.shape)
    cut = (0, x.shape[0])
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        axis = axis % len(full)
        first, last, _ = slice(start, end).indices(full[axis])
        if step != 1:
            raise refuse(b, f"Slice with step {step}")
        if (first, last) == (0, full[axis]):
            continue
        _axis(b, axis, x)
        cut = (first, last)
    return _cut(b, x, *cut)


def _pool(op: str) -> Translation:
    def translate(b: GraphBuilder, call: Call) -> Value:
        x = call.input(0)
        kernel = tuple(int(k) for k in call.attrs["kernel_shape"])
        attrs = _window(b, call, x.shape, kernel)
        if attrs.pop("dilation") != (1, 1):
            raise refuse(b, f"{op} with dilation")
        if call.attrs.get("storage_order", 0) or call.attrs["outputs"] > 1:
            raise refuse(b, f"{op} with indices")
        attrs["kernel"] = kernel
        attrs["ceil_mode"] = bool(call.attrs.get("ceil_mode", 0))
        if op == "avg_pool":
            attrs["count_include_pad"] = bool(call.attrs.get("count_include_pad", 0))
        return b.add(op, [x], attrs=attrs)

    return translate


def _global_pool(b: GraphBuilder, call: Call) -> Value:
    if len(call.input(0).shape) != 3:
        raise refuse(b, f"GlobalAveragePool over {call.input(0).shape}")
    return b.add("global_avg_pool", [call.input(0)], attrs={"rank": 3})


def _reduce_mean(b: GraphBuilder, call: Call) -> Value:
    x = call.input(0)
    axes = {a % (len(x.shape) + 1) for a in call.constant(1, "axes", ())}
    if len(x.shape) != 3 or axes != {2, 3}:
        raise refuse(b, f"ReduceMean over axes {sorted(axes)}")
    rank = 3 if call.attrs.get("keepdims", 1) else 1
    return b.add("global_avg_pool", [x], attrs={"rank": rank})


def _flatten(b: GraphBuilder, call: Call) -> Value:
    x, axis = call.input(0), int(call.attrs.get("axis", 1))
    if axis not in (1, -len(x.shape)):
        raise refuse(b, f"Flatten from axis {axis}")
    return b.add("flatten", [x])


def _reshape(b: GraphBuilder, call: Call) -> Any:
    x = call.input(0)
    sizes = call.constant(1, "shape")
    full = (1, *x.shape)
    if not call.attrs.get("allowzero", 0):
        sizes = [full[i] if s == 0 else s for i, s in enumerate(sizes)]
    if sizes and sizes[0] == -1 and len(sizes) > 1:
        sizes = [1, *sizes[1:]]
    return aten_shapes.reshape(b, x, sizes)


def _transpose(b: GraphBuilder, call: Call) -> Any:
    return aten_shapes.permute(b, call.input(0), call.attrs.get("perm", ()))


def _squeeze(b: GraphBuilder, call: Call) -> Value:
    return aten_shapes.squeeze(b, call.input(0))


def _resize(b: GraphBuilder, call: Call) -> Value:
    x = call.input(0)
    mode = call.attrs.get("mode", "nearest")
    if "axes" in call.attrs:
        raise refuse(b, "Resize with axes")
    scales = call.constant(1 if call.opset < 11 else 2, "scales")
    sizes = call.constant(3, "sizes") if call.opset >= 11 else None
    if sizes:
        scales = [s / n for s, n in zip(sizes, (1, *x.shape), strict=True)]
    exact = scales and list(scales[:2]) == [1, 1] and all(s == int(s) for s in scales)
    if mode != "nearest" or not exact or not _repeats_pixels(call):
        raise refuse(b, f"Resize, mode {mode}, scales {scales}")
    return b.add(
        "upsample_nearest",
        [x],
        attrs={"scale": (int(scales[2]), int(scales[3]))},
    )


def _repeats_pixels(call: Call) -> bool:
    """Return whether an integer nearest resize repeats each pixel."""
    if call.opset < 11:
        return True
    transform = call.attrs.get("coordinate_transformation_mode", "half_pixel")
    rounding = call.attrs.get("nearest_mode", "round_prefer_floor")
    return (transform, rounding) == ("asymmetric", "floor") or (
        transform == "half_pixel" and rounding.startswith("round_prefer")
    )


def _same(b: GraphBuilder, call: Call) -> Any:
    return call.input(0)


TRANSLATIONS: Mapping[str, Translation] = {
    "Conv": _conv,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "BatchNormalization": _batch_norm,
    "Relu": _unary("relu"),
    "Clip": _clip,
    "HardSwish": _unary("hardswish"),
    "HardSigmoid": _hardsigmoid,
    "Sigmoid": _unary("sigmoid"),
    "Add": _add,
    "Sub": _sub,
    "Mul": _mul,
    "Div": _div,
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "MaxPool": _pool("max_pool"),
    "AveragePool": _pool("avg_pool"),
    "GlobalAveragePool": _global_pool,
    "ReduceMean": _reduce_mean,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Resize": _resize,
    "Upsample": _resize,
    "Identity": _same,
    "Dropout": _same,
    "Cast": _same,
}
