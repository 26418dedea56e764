"""What ONNX's convolutions and pools become in the engine's graph.

Belongs here: operations with a window over one to three axes of pixels, and their ways
to say padding.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.capture.arguments import refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_onnx.call import Call, Translation
from workbench.capture.from_onnx.layers import channels_first
from workbench.capture.windows import as_rows, pooled
from workbench.engine.graph.graph import GraphError
from workbench.engine.graph.ops import window_output


def _window(
    b: GraphBuilder, call: Call, pixels: Sequence[int], kernel: Sequence[int]
) -> dict[str, Any]:
    """Return stride, dilation and padding (before each axis, then behind each)."""
    n = len(pixels)
    if len(kernel) != n or n not in (1, 2, 3):
        raise refuse(b, f"a window {tuple(kernel)} over {tuple(pixels)}")
    stride = tuple(call.attrs.get("strides", (1,) * n))
    dilation = tuple(call.attrs.get("dilations", (1,) * n))
    pads = tuple(call.attrs.get("pads", (0,) * 2 * n))
    if (len(stride), len(dilation), len(pads)) != (n, n, 2 * n):
        raise refuse(
            b, f"a window with strides {stride}, dilations {dilation}, pads {pads}"
        )
    if min(*stride, *dilation, *kernel) < 1:
        raise GraphError(
            f"layer {b.where!r}: a window {tuple(kernel)} with stride {stride} and "
            f"dilation {dilation}",
            "numbers of one or more",
            "The file is damaged: export the network again.",
        )
    mode = call.attrs.get("auto_pad", "NOTSET")
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        ends = [
            _same(mode, size, (k - 1) * d + 1, s)
            for size, k, d, s in zip(pixels, kernel, dilation, stride, strict=True)
        ]
        pads = (*(low for low, _ in ends), *(high for _, high in ends))
    elif mode == "VALID":
        pads = (0,) * 2 * n
    elif mode != "NOTSET":
        raise refuse(b, f"a window with auto_pad={mode}")
    return {"stride": stride, "dilation": dilation, "padding": pads}


def _same(mode: str, size: int, extent: int, stride: int) -> tuple[int, int]:
    """Return the padding before and behind that makes ``ceil(size / stride)`` steps."""
    total = max((-(-size // stride) - 1) * stride + extent - size, 0)
    return _halves(mode, total)


def _halves(mode: str, total: int) -> tuple[int, int]:
    small, large = total // 2, total - total // 2
    return (small, large) if mode == "SAME_UPPER" else (large, small)


def _weights(b: GraphBuilder, call: Call) -> tuple[Value, Any, tuple[int, ...]]:
    """Return input, weight and kernel of a convolution."""
    weight = np.asarray(call.input(1))
    kernel = tuple(weight.shape[2:])
    if tuple(call.attrs.get("kernel_shape", kernel)) != kernel or not kernel:
        raise refuse(b, f"a kernel {call.attrs.get('kernel_shape')} of shape {kernel}")
    return channels_first(b, call, len(kernel)), weight, kernel


def conv(b: GraphBuilder, call: Call) -> Value:
    """Translate a convolution over one, two or three axes."""
    x, weight, kernel = _weights(b, call)
    attrs = _window(b, call, x.shape[1:], kernel)
    attrs["groups"] = int(call.attrs.get("group", 1))
    bias = call.input(2)
    if bias is None:
        bias = np.zeros(weight.shape[0], np.float32)
    params = {"weight": weight, "bias": bias}
    if len(kernel) == 1:
        return as_rows(b, x, "conv2d", attrs, params)
    op = "conv2d" if len(kernel) == 2 else "conv3d"
    return b.add(op, [x], attrs=attrs, params=params)


def conv_transpose(b: GraphBuilder, call: Call) -> Value:
    """Translate a transposed convolution over one or two axes."""
    x, weight, kernel = _weights(b, call)
    n, groups = len(kernel), int(call.attrs.get("group", 1))
    if n == 3:
        raise refuse(b, "a transposed convolution over three axes")
    given = _window(b, call, x.shape[1:], kernel)
    extra = list(call.attrs.get("output_padding", (0,) * n))
    pads = list(given["padding"])
    wanted = call.attrs.get("output_shape")
    mode = call.attrs.get("auto_pad", "NOTSET")
    if len(extra) != n or (wanted is not None and len(wanted) not in (n, n + 2)):
        raise refuse(b, f"output_padding {extra}, output_shape {wanted} of {n} axes")
    for i in range(n):
        step, size = given["stride"][i], x.shape[1 + i]
        reach = (kernel[i] - 1) * given["dilation"][i] + 1
        most = (size - 1) * step + reach + extra[i]
        if wanted is not None:
            total = most - int(wanted[i - n])
        elif mode.startswith("SAME"):
            total = max(most - size * step, 0)
        else:
            continue
        # A result that is larger than all that there is ends in zeros.
        extra[i] += max(-total, 0)
        pads[i], pads[n + i] = _halves(mode, max(total, 0))
    attrs = {
        "stride": given["stride"],
        "dilation": given["dilation"],
        "padding": tuple(pads),
        "output_padding": tuple(extra),
        "groups": groups,
    }
    bias = call.input(2)
    if bias is None:
        bias = np.zeros(weight.shape[1] * groups, np.float32)
    params = {"weight": weight, "bias": bias}
    if n == 1:
        return as_rows(b, x, "conv_transpose2d", attrs, params)
    return b.add("conv_transpose2d", [x], attrs=attrs, params=params)


def pool(kind: str) -> Translation:
    """Return the translation of a maximum, mean or norm over windows."""

    def translate(b: GraphBuilder, call: Call) -> Value:
        x, kernel = channels_first(b, call), tuple(call.attrs["kernel_shape"])
        attrs = _window(b, call, x.shape[1:], kernel)
        attrs["kernel"] = kernel
        ceil = bool(call.attrs.get("ceil_mode", 0))
        if kind == "mean":
            attrs["count_include_pad"] = bool(call.attrs.get("count_include_pad", 0))
        if kind == "lp":
            attrs["power"] = float(call.attrs.get("p", 2))
        n, pads = len(kernel), attrs["padding"]
        size = [
            window_output(
                x.shape[1 + i],
                (kernel[i] - 1) * attrs["dilation"][i] + 1,
                attrs["stride"][i],
                (pads[i], pads[n + i]),
                ceil,
            )
            for i in range(n)
        ]
        return pooled(b, x, kind, attrs, size, ceil=ceil)

    return translate
