"""What ONNX's convolutions, pools and means become in the engine's graph.

Belongs here: operations with a window over pixels, and their ways to say padding.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.capture.arguments import refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_onnx.call import Call, Translation
from workbench.capture.from_onnx.shapes import axes_of


def _window(
    b: GraphBuilder, call: Call, shape: Sequence[int], kernel: Sequence[int]
) -> dict[str, Any]:
    """Return stride, dilation and padding (top, left, bottom, right) of a window."""
    if len(kernel) != 2 or len(shape) != 3:
        raise refuse(b, f"a window {tuple(kernel)} over {tuple(shape)}")
    stride = tuple(call.attrs.get("strides", (1, 1)))
    dilation = tuple(call.attrs.get("dilations", (1, 1)))
    pads = tuple(call.attrs.get("pads", (0, 0, 0, 0)))
    if (len(stride), len(dilation), len(pads)) != (2, 2, 4):
        raise refuse(
            b, f"a window with strides {stride}, dilations {dilation}, pads {pads}"
        )
    mode = call.attrs.get("auto_pad", "NOTSET")
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        if min(stride) < 1:
            raise refuse(b, f"a window {tuple(kernel)} of stride {stride}")
        ends = [
            _same(mode, shape[1 + i], (kernel[i] - 1) * dilation[i] + 1, stride[i])
            for i in range(2)
        ]
        pads = (ends[0][0], ends[1][0], ends[0][1], ends[1][1])
    elif mode == "VALID":
        pads = (0, 0, 0, 0)
    elif mode != "NOTSET":
        raise refuse(b, f"a window with auto_pad={mode}")
    return {"stride": stride, "dilation": dilation, "padding": pads}


def _same(mode: str, size: int, extent: int, stride: int) -> tuple[int, int]:
    """Return the padding before and behind that makes ``ceil(size / stride)`` steps."""
    total = max((-(-size // stride) - 1) * stride + extent - size, 0)
    small, large = total // 2, total - total // 2
    return (small, large) if mode == "SAME_UPPER" else (large, small)


def conv(b: GraphBuilder, call: Call) -> Value:
    """Translate a convolution over two axes."""
    x, weight, bias = call.input(0), call.input(1), call.input(2)
    kernel = weight.shape[2:]
    if tuple(call.attrs.get("kernel_shape", kernel)) != kernel:
        raise refuse(b, f"a kernel {call.attrs['kernel_shape']} of shape {kernel}")
    attrs = _window(b, call, x.shape, kernel)
    attrs["groups"] = int(call.attrs.get("group", 1))
    if bias is None:
        bias = np.zeros(weight.shape[0], np.float32)
    return b.add("conv2d", [x], attrs=attrs, params={"weight": weight, "bias": bias})


def pool(op: str) -> Translation:
    """Return the translation of a maximum or an average over windows."""

    def translate(b: GraphBuilder, call: Call) -> Value:
        x, kernel = call.input(0), tuple(call.attrs["kernel_shape"])
        attrs = _window(b, call, x.shape, kernel)
        if attrs.pop("dilation") != (1, 1):
            raise refuse(b, f"{op} with dilations {call.attrs['dilations']}")
        attrs["kernel"] = kernel
        attrs["ceil_mode"] = bool(call.attrs.get("ceil_mode", 0))
        if op == "avg_pool":
            attrs["count_include_pad"] = bool(call.attrs.get("count_include_pad", 0))
        return b.add(op, [x], attrs=attrs)

    return translate


def global_pool(b: GraphBuilder, call: Call) -> Value:
    """Translate the mean of each plane."""
    if len(call.input(0).shape) != 3:
        raise refuse(b, f"GlobalAveragePool over {call.input(0).shape}")
    return b.add("global_avg_pool", [call.input(0)], attrs={"rank": 3})


def reduce_mean(b: GraphBuilder, call: Call) -> Any:
    """Translate a mean over both axes of the plane."""
    x = call.input(0)
    axes = call.constant(1, "axes") or ()
    if not axes and call.attrs.get("noop_with_empty_axes", 0):
        return x
    if len(x.shape) != 3 or set(axes_of(b, axes, x)) != {2, 3}:
        raise refuse(b, f"ReduceMean over axes {list(axes)} of {x.shape}")
    rank = 3 if call.attrs.get("keepdims", 1) else 1
    return b.add("global_avg_pool", [x], attrs={"rank": rank})
