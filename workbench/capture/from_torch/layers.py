"""What torch's layers with weights become in the engine's graph.

Belongs here: convolutions, linear layers, norms. Arithmetic with constants is in
`arithmetic`, windows are in `pools`.
"""

from math import prod
from typing import Any

import numpy as np
import torch

from workbench.capture.arguments import Refused, refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_torch.call import Call
from workbench.capture.products import dense
from workbench.capture.reshapes import as_shape, whole
from workbench.capture.windows import as_rows


def array(tensor: torch.Tensor) -> Any:
    """Return a constant tensor as float32 numbers."""
    return tensor.detach().to(torch.float32).cpu().numpy()


def plain(item: Any) -> Any:
    """Return a constant tensor as numbers; anything else as it is."""
    return array(item) if isinstance(item, torch.Tensor) else item


def image(b: GraphBuilder, call: Call, name: str, axes: int) -> Value:
    """Return a tensor (1, C, ...) with so many axes of pixels."""
    x = call.value(b, name)
    if len(x.full) == axes + 2 and x.full[0] == 1:
        return as_shape(b, x, x.full, 0)
    raise refuse(b, f"{call.name} over {x.full}")


def numbers(value: Any, count: int) -> tuple[int, ...]:
    """Return one number an axis."""
    if isinstance(value, int):
        return (value,) * count
    values = [int(v) for v in value]
    return tuple(values * count if len(values) == 1 else values)


def conv(b: GraphBuilder, call: Call) -> Value:
    """Translate a convolution over one, two or three axes."""
    weight, bias = call.constant(b, "weight"), call.constant(b, "bias")
    assert weight is not None
    axes = weight.ndim - 2
    x = image(b, call, "input", axes)
    padding, dilation = call["padding"], numbers(call["dilation"], axes)
    stride = numbers(call["stride"], axes)
    if isinstance(padding, str):
        total = [
            (k - 1) * d if padding == "same" else 0
            for k, d in zip(weight.shape[2:], dilation, strict=True)
        ]
        before = tuple(t // 2 for t in total)
        after = tuple(t - t // 2 for t in total)
    else:
        before = after = numbers(padding, axes)
    attrs: dict[str, Any] = {
        "stride": stride,
        "padding": (*before, *after),
        "dilation": dilation,
        "groups": int(call["groups"]),
    }
    params = {"weight": array(weight), "bias": _bias(bias, weight.shape[0])}
    if axes == 3:
        return b.add("conv3d", [x], attrs=attrs, params=params)
    if axes == 1:
        return as_rows(b, x, "conv2d", attrs, params)
    return b.add("conv2d", [x], attrs=attrs, params=params)


def conv_transpose(b: GraphBuilder, call: Call) -> Value:
    """Translate a transposed convolution over one or two axes."""
    weight, bias = call.constant(b, "weight"), call.constant(b, "bias")
    assert weight is not None
    axes, groups = weight.ndim - 2, int(call["groups"])
    if axes == 3:
        raise refuse(b, "a transposed convolution over three axes")
    x = image(b, call, "input", axes)
    padding = numbers(call["padding"], axes)
    attrs: dict[str, Any] = {
        "stride": numbers(call["stride"], axes),
        "padding": (*padding, *padding),
        "output_padding": numbers(call["output_padding"], axes),
        "dilation": numbers(call["dilation"], axes),
        "groups": groups,
    }
    filters = weight.shape[1] * groups
    params = {"weight": array(weight), "bias": _bias(bias, filters)}
    if axes == 1:
        return as_rows(b, x, "conv_transpose2d", attrs, params)
    return b.add("conv_transpose2d", [x], attrs=attrs, params=params)


def convolution(b: GraphBuilder, call: Call) -> Value:
    """Translate torch's one convolution for all kinds."""
    return (conv_transpose if call["transposed"] else conv)(b, call)


def _bias(bias: torch.Tensor | None, size: int) -> Any:
    return np.zeros(size, np.float32) if bias is None else array(bias)


def linear(b: GraphBuilder, call: Call) -> Value:
    """Translate a linear layer over the last axis."""
    x, weight, bias = (
        call.value(b),
        call.constant(b, "weight"),
        call.constant(b, "bias"),
    )
    assert weight is not None
    return dense(b, x, array(weight), _bias(bias, weight.shape[0]))


def batch_norm(b: GraphBuilder, call: Call) -> Value:
    """Translate a batch norm that uses the statistics it has kept."""
    gamma, beta = call.constant(b, "weight"), call.constant(b, "bias")
    mean, var = call.constant(b, "running_mean"), call.constant(b, "running_var")
    if call.get("training", False) or mean is None or var is None:
        raise Refused(
            "batch norm over the statistics of the batch itself "
            "(training=True, or track_running_stats=False)",
            b.where,
        )
    x = call.value(b)
    if x.batch != 0 or not x.shape:
        raise refuse(b, f"{call.name} over {x.full}")
    scale = 1.0 / torch.sqrt(var.double() + float(call["eps"]))
    if gamma is not None:
        scale = scale * gamma.double()
    shift = -mean.double() * scale
    if beta is not None:
        shift = shift + beta.double()
    params = {"scale": array(scale), "shift": array(shift)}
    if len(x.shape) in (1, 3):
        return b.like(x, "batchnorm", params=params)
    flat = as_shape(b, x, (1, x.shape[0], prod(x.shape[1:-1]), x.shape[-1]), 0)
    return as_shape(b, b.like(flat, "batchnorm", params=params), x.full, 0)


def batch_norm_first(b: GraphBuilder, call: Call) -> list[Any]:
    """Translate the batch norm that also returns the statistics it used."""
    return [batch_norm(b, call), None, None]


def layer_norm(b: GraphBuilder, call: Call) -> Value:
    """Translate a norm over the last axes."""
    x, count = call.value(b), len(call["normalized_shape"])
    if x.batch is not None and x.batch >= len(x.full) - count:
        x = whole(b, x)
    rank = len(x.shape)
    eps = call["eps"]
    attrs = {
        "axes": tuple(range(rank - count, rank)),
        "eps": float(torch.finfo(torch.float32).eps if eps is None else eps),
        "centre": call.name != "rms_norm",
    }
    return b.like(x, "layernorm", attrs=attrs, params=_scales(b, call))


def _scales(b: GraphBuilder, call: Call) -> dict[str, Any]:
    given = {
        "scale": call.constant(b, "weight"),
        "shift": call.constant(b, "bias") if "bias" in call.given else None,
    }
    return {name: array(one) for name, one in given.items() if one is not None}


def layer_norm_first(b: GraphBuilder, call: Call) -> list[Any]:
    """Translate the norm that also returns the statistics it used."""
    return [layer_norm(b, call), None, None]


def group_norm(b: GraphBuilder, call: Call) -> Value:
    """Translate a norm over groups of channels."""
    groups = int(call.get("num_groups", call.get("group", 1)))
    return _grouped(b, call, groups)


def group_norm_first(b: GraphBuilder, call: Call) -> list[Any]:
    """Translate the norm that also returns the statistics it used."""
    return [group_norm(b, call), None, None]


def instance_norm(b: GraphBuilder, call: Call) -> Value:
    """Translate a norm over the pixels of each channel, or with kept statistics."""
    if not call["use_input_stats"]:
        return batch_norm(b, call)
    return _grouped(b, call, call.value(b).shape[0])


def _grouped(b: GraphBuilder, call: Call, groups: int) -> Value:
    x = call.value(b)
    if x.batch != 0:
        raise refuse(b, f"{call.name} over {x.full}")
    attrs = {"groups": groups, "eps": float(call["eps"])}
    return b.like(x, "groupnorm", attrs=attrs, params=_scales(b, call))
