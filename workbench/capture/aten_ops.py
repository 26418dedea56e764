"""What each torch operation becomes in the engine's graph.

Belongs here: one small function per ATen operation and the table that finds
it. Adding an operation = one function + one line in `TRANSLATIONS`. Reshapes
and transposes are in `aten_shapes`.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from workbench.capture import aten_shapes, winograd_op
from workbench.capture.arguments import Translation, arg, pair, refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.errors import WorkbenchError


def _array(tensor: torch.Tensor) -> Any:
    return tensor.detach().to(torch.float32).cpu().numpy()


def _conv(b: GraphBuilder, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Value:
    x, weight = args[0], args[1]
    bias = arg(args, kwargs, 2, "bias", None)
    stride = pair(arg(args, kwargs, 3, "stride", 1))
    padding = arg(args, kwargs, 4, "padding", 0)
    dilation = pair(arg(args, kwargs, 5, "dilation", 1))
    groups = int(arg(args, kwargs, 6, "groups", 1))
    kernel = weight.shape[2:]
    if isinstance(padding, str):
        total = [
            (k - 1) * d if padding == "same" else 0
            for k, d in zip(kernel, dilation, strict=True)
        ]
        pads = (total[0] // 2, total[1] // 2, -(-total[0] // 2), -(-total[1] // 2))
    else:
        py, px = pair(padding)
        pads = (py, px, py, px)
    return b.add(
        "conv2d",
        [x],
        attrs={
            "stride": stride,
            "padding": pads,
            "dilation": dilation,
            "groups": groups,
        },
        params={"weight": _array(weight), "bias": _bias(bias, weight.shape[0])},
    )


def _bias(bias: torch.Tensor | None, size: int) -> Any:
    return np.zeros(size, np.float32) if bias is None else _array(bias)


def _linear(b: GraphBuilder, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Value:
    x, weight = args[0], args[1]
    if len(x.shape) != 1:
        raise refuse(b, f"linear over the last axis of {x.shape}")
    bias = arg(args, kwargs, 2, "bias", None)
    params = {"weight": _array(weight), "bias": _bias(bias, weight.shape[0])}
    return b.add("linear", [x], params=params)


def _batch_norm(
    b: GraphBuilder, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Value:
    x, gamma, beta, mean, var = args[:5]
    eps = float(arg(args, kwargs, 7, "eps", 1e-5))
    scale = 1.0 / torch.sqrt(var.double() + eps)
    if gamma is not None:
        scale = scale * gamma.double()
    shift = -mean.double() * scale
    if beta is not None:
        shift = shift + beta.double()
    params = {"scale": _array(scale), "shift": _array(shift)}
    return b.add("batchnorm", [x], params=params)


def _unary(op: str) -> Translation:
    def translate(
        b: GraphBuilder, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Value:
        return b.add(op, [args[0]])

    return translate


def _clip(low: float | None, high: float | None) -> Translation:
    def translate(
        b: GraphBuilder, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Value:
        lo = arg(args, kwargs, 1, "min_val", kwargs.get("min", low))
        hi = arg(args, kwargs, 2, "max_val", kwargs.get("max", high))
        lo = -np.inf if lo is None else float(lo)
        hi = np.inf if hi is None else float(hi)
        if (lo, hi) == (0.0, np.inf):
            return b.add("relu", [args[0]])
        return b.add("clip", [args[0]], attrs={"lo": lo, "hi": hi})

    return translate


def _constant(x: Value, value: Any) -> Any:
    """Return a scalar or per-channel constant as an array of C values."""
    array = _array(torch.as_tensor(value)).reshape(-1)
    channels = x.shape[0]
    if array.size not in (1, channels):
        raise WorkbenchError(
            f"a constant of {array.size} values beside {x.shape}",
            "one value, or one per channel",
            "Make it a layer of its own.",
        )
    return np.broadcast_to(array, (channels,))


def _affine(b: GraphBuilder, x: Value, scale: Any, shift: Any) -> Value:
    params = {"scale": _constant(x, scale), "shift": _constant(x, shift)}
    return b.add("batchnorm", [x], params=params)


def _add(b: GraphBuilder, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Value:
    if kwargs.get("alpha", 1) != 1:
        raise refuse(b, "add with alpha")
    left, right = args[0], args[1]
    if not isinstance(left, Value):
        left, right = right, left
    if isinstance(right, Value):
        return b.add("add", [left, right])
    return _affine(b, left, 1.0, right)


def _sub(b: GraphBuilder, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Value:
    left, right = args[0], args[1]
    if isinstance(left, Value) and not isinstance(right, Value):
        return _affine(b, left, 1.0, -torch.as_tensor(right))
    raise refuse(b, "subtraction of two tensors")


def _mul(b: GraphBuilder, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Value:
    left, right = args[0], args[1]
    if not isinstance(left, Value):
        left, right = right, left
    if not isinstance(right, Value):
        return _affine(b, left, right, 0.0)
    if len(left.shape) == 3 and left.shape[1:] == (1, 1) and right.shape != left.shape:
        left, right = right, left
    return b.add("mul", [left, right])


def _div(b: GraphBuilder, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Value:
    if isinstance(args[1], Value):
        raise refuse(b, "division by a tensor")
    return _affine(b, args[0], 1.0 / torch.as_tensor(args[1]), 0.0)


def _channel_axis(b: GraphBuilder, axis: int, rank: int) -> None:
    if axis not in (1, 1 - (rank + 1)):
        raise refuse(b, f"concat or split along axis {axis}")


def _cat(b: GraphBuilder, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Value:
    parts = args[0]
    _channel_axis(b, int(arg(args, kwargs, 1, "dim", 0)), len(parts[0].shape))
    return b.add("concat", parts)


def _cut(b: GraphBuilder, x: Value, bounds: Sequence[int]) -> list[Value]:
    return [
        b.add("slice", [x], attrs={"start": start, "stop": stop})
        for start, stop in itertools.pairwise(bounds)
    ]


def _split(
    b: GraphBuilder, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[Value]:
    x, sizes = args[0], args[1]
    _channel_axis(b, int(arg(args, kwargs, 2, "dim", 0)), len(x.shape))
    if isinstance(sizes, int):
        bounds = [*range(0, x.shape[0], sizes), x.shape[0]]
    else:
        bounds = [0, *np.cumsum(sizes).tolist()]
    return _cut(b, x, bounds)


def _chunk(
    b: GraphBuilder, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[Value]:
    size = -(-args[0].shape[0] // int(args[1]))
    return _split(b, [args[0], size, arg(args, kwargs, 2, "dim", 0)], {})


def _slice(b: GraphBuilder, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Value:
    x = args[0]
    axis = int(arg(args, kwargs, 1, "dim", 0))
    start = arg(args, kwargs, 2, "start", None) or 0
    end = arg(args, kwargs, 3, "end", None)
    step = int(arg(args, kwargs, 4, "step", 1))
    size = 1 if axis == 0 else x.shape[axis - 1 if axis > 0 else axis]
    stop = size if end is None else min(size, int(end) + (size if end < 0 else 0))
    start = int(start) + (size if start < 0 else 0)
    if (start, stop, step) == (0, size, 1):
        return Value(x.id, x.shape)
    _channel_axis(b, axis, len(x.shape))
    if step != 1:
        raise refuse(b, f"slice with step {step}")
    return _cut(b, x, [start, stop])[0]


def _getitem(b: GraphBuilder, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    return args[0][args[1]]


def _pool(op: str) -> Translation:
    def translate(
        b: GraphBuilder, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Value:
        kernel = pair(args[1])
        stride = arg(args, kwargs, 2, "stride", None)
        py, px = pair(arg(args, kwargs, 3, "padding", 0))
        attrs: dict[str, Any] = {
            "kernel": kernel,
            "stride": pair(stride) if stride else kernel,
            "padding": (py, px, py, px),
        }
        if op == "max_pool":
            if pair(arg(args, kwargs, 4, "dilation", 1)) != (1, 1):
                raise refuse(b, "max_pool2d with dilation")
            attrs["ceil_mode"] = bool(arg(args, kwargs, 5, "ceil_mode", False))
        else:
            attrs["ceil_mode"] = bool(arg(args, kwargs, 4, "ceil_mode", False))
            counted = arg(args, kwargs, 5, "count_include_pad", True)
            attrs["count_include_pad"] = bool(counted)
            divisor = arg(args, kwargs, 6, "divisor_override", None)
            if divisor:
                raise refuse(b, "avg_pool2d with divisor_override")
        return b.add(op, [args[0]], attrs=attrs)

    return translate


def _adaptive(b: GraphBuilder, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Value:
    x, wanted = args[0], args[1]
    sizes = [wanted, wanted] if isinstance(wanted, int) else list(wanted)
    size = tuple(
        int(s) if s is not None else n for s, n in zip(sizes, x.shape[1:], strict=True)
    )
    return b.add("adaptive_avg_pool", [x], attrs={"size": size})


def _mean(b: GraphBuilder, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Value:
    x = args[0]
    axes = {a % (len(x.shape) + 1) for a in arg(args, kwargs, 1, "dim", ())}
    if len(x.shape) != 3 or axes != {2, 3}:
        raise refuse(b, f"mean over axes {sorted(axes)}")
    rank = 3 if arg(args, kwargs, 2, "keepdim", False) else 1
    return b.add("global_avg_pool", [x], attrs={"rank": rank})


def _upsample(b: GraphBuilder, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Value:
    x = args[0]
    size = arg(args, kwargs, 1, "output_size", None)
    factors = arg(args, kwargs, 2, "scale_factors", None)
    if size is None and factors is not None:
        size = [int(n * f) for n, f in zip(x.shape[1:], factors, strict=True)]
    if size is None or any(s % n for s, n in zip(size, x.shape[1:], strict=True)):
        raise refuse(b, f"upsample_nearest2d from {x.shape[1:]} to {size}")
    scale = tuple(int(s) // n for s, n in zip(size, x.shape[1:], strict=True))
    return b.add("upsample_nearest", [x], attrs={"scale": scale})


def _same(b: GraphBuilder, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    return args[0]


TRANSLATIONS: Mapping[str, Translation] = {
    "conv2d": _conv,
    "linear": _linear,
    "winograd_conv2d": winograd_op.translate,
    "batch_norm": _batch_norm,
    "relu": _unary("relu"),
    "relu6": _clip(0.0, 6.0),
    "hardtanh": _clip(-1.0, 1.0),
    "clamp": _clip(None, None),
    "clamp_min": _clip(None, None),
    "hardswish": _unary("hardswish"),
    "hardsigmoid": _unary("hardsigmoid"),
    "silu": _unary("silu"),
    "sigmoid": _unary("sigmoid"),
    "add": _add,
    "sub": _sub,
    "mul": _mul,
    "div": _div,
    "cat": _cat,
    "concat": _cat,
    "split": _split,
    "split_with_sizes": _split,
    "chunk": _chunk,
    "slice": _slice,
    "getitem": _getitem,
    "max_pool2d": _pool("max_pool"),
    "avg_pool2d": _pool("avg_pool"),
    "adaptive_avg_pool2d": _adaptive,
    "mean": _mean,
    "view": aten_shapes.reshape,
    "reshape": aten_shapes.reshape,
    "_unsafe_view": aten_shapes.reshape,
    "transpose": aten_shapes.transpose,
    "permute": aten_shapes.permute,
    "channel_shuffle": aten_shapes.shuffle,
    "flatten": aten_shapes.flatten,
    "squeeze": aten_shapes.squeeze,
    "upsample_nearest2d": _upsample,
    "dropout": _same,
    "feature_dropout": _same,
    "contiguous": _same,
    "clone": _same,
    "alias": _same,
    "detach": _same,
    "detach_": _same,
    "identity": _same,
    "to": _same,
    "_assert_tensor_metadata": _same,
}
