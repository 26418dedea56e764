"""What torch's layers with weights or windows become in the engine's graph.

Belongs here: convolution, linear, batch norm, activations with bounds, pools,
upsampling. Arithmetic with constants is in `aten_arithmetic`.
"""

from typing import Any

import numpy as np
import torch

from workbench.capture.arguments import pair, refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_torch.call import Call


def array(tensor: torch.Tensor) -> Any:
    """Return a constant tensor as float32 numbers."""
    return tensor.detach().to(torch.float32).cpu().numpy()


def conv(b: GraphBuilder, call: Call) -> Value:
    """Translate a convolution over rows and columns."""
    x, weight, bias = (
        call.value(b),
        call.constant(b, "weight"),
        call.constant(b, "bias"),
    )
    assert weight is not None
    padding, dilation = call["padding"], pair(call["dilation"])
    if isinstance(padding, str):
        total = [
            (k - 1) * d if padding == "same" else 0
            for k, d in zip(weight.shape[2:], dilation, strict=True)
        ]
        pads = (total[0] // 2, total[1] // 2, -(-total[0] // 2), -(-total[1] // 2))
    else:
        py, px = pair(padding)
        pads = (py, px, py, px)
    attrs = {
        "stride": pair(call["stride"]),
        "padding": pads,
        "dilation": dilation,
        "groups": int(call["groups"]),
    }
    params = {"weight": array(weight), "bias": _bias(bias, weight.shape[0])}
    return b.add("conv2d", [x], attrs=attrs, params=params)


def _bias(bias: torch.Tensor | None, size: int) -> Any:
    return np.zeros(size, np.float32) if bias is None else array(bias)


def linear(b: GraphBuilder, call: Call) -> Value:
    """Translate a linear layer over the only axis of a vector."""
    x, weight, bias = (
        call.value(b),
        call.constant(b, "weight"),
        call.constant(b, "bias"),
    )
    assert weight is not None
    if len(x.shape) != 1:
        raise refuse(b, f"linear over the last axis of {x.shape}")
    params = {"weight": array(weight), "bias": _bias(bias, weight.shape[0])}
    return b.add("linear", [x], params=params)


def batch_norm(b: GraphBuilder, call: Call) -> Value:
    """Translate a batch norm that uses the statistics it has kept."""
    x, gamma, beta = call.value(b), call.constant(b, "weight"), call.constant(b, "bias")
    mean, var = call.constant(b, "running_mean"), call.constant(b, "running_var")
    if call.get("training", False) or mean is None or var is None:
        raise refuse(
            b,
            "batch norm over the statistics of the batch itself "
            "(training=True, or track_running_stats=False)",
        )
    scale = 1.0 / torch.sqrt(var.double() + float(call["eps"]))
    if gamma is not None:
        scale = scale * gamma.double()
    shift = -mean.double() * scale
    if beta is not None:
        shift = shift + beta.double()
    params = {"scale": array(scale), "shift": array(shift)}
    return b.add("batchnorm", [x], params=params)


def batch_norm_first(b: GraphBuilder, call: Call) -> list[Any]:
    """Translate the batch norm that also returns the statistics it used."""
    return [batch_norm(b, call), None, None]


def clip(b: GraphBuilder, call: Call) -> Value:
    """Translate whatever keeps numbers between two bounds."""
    low = _bound(b, call, "min_val" if "min_val" in call.given else "min")
    high = _bound(b, call, "max_val" if "max_val" in call.given else "max")
    lo = -np.inf if low is None else low
    hi = np.inf if high is None else high
    if (lo, hi) == (0.0, np.inf):
        return b.add("relu", [call.value(b)])
    # Torch gives the upper bound where the lower one is above it.
    return b.add("clip", [call.value(b)], attrs={"lo": min(lo, hi), "hi": hi})


def relu6(b: GraphBuilder, call: Call) -> Value:
    """Translate the ReLU that ends at 6."""
    return b.add("clip", [call.value(b)], attrs={"lo": 0.0, "hi": 6.0})


def _bound(b: GraphBuilder, call: Call, name: str) -> float | None:
    bound = call.get(name)
    if bound is None:
        return None
    if not isinstance(bound, int | float | torch.Tensor):
        raise refuse(b, f"{call.name} with a {name} that is computed")
    flat = torch.as_tensor(bound).detach().double().reshape(-1)
    if len(flat) == 0 or not bool((flat == flat[0]).all()):
        raise refuse(b, f"{call.name} with {len(flat)} bounds as {name} that differ")
    return float(flat[0])


def max_pool(b: GraphBuilder, call: Call) -> Value:
    """Translate a maximum over windows."""
    if pair(call["dilation"]) != (1, 1):
        raise refuse(b, f"max_pool2d with dilation={call['dilation']}")
    return b.add("max_pool", [call.value(b)], attrs=_window(call))


def max_pool_first(b: GraphBuilder, call: Call) -> list[Any]:
    """Translate the pool that also returns where the maxima were."""
    return [max_pool(b, call), None]


def avg_pool(b: GraphBuilder, call: Call) -> Value:
    """Translate a mean over windows."""
    attrs = {**_window(call), "count_include_pad": bool(call["count_include_pad"])}
    return b.add("avg_pool", [call.value(b)], attrs=attrs)


def _window(call: Call) -> dict[str, Any]:
    kernel, stride = pair(call["kernel_size"]), call["stride"]
    py, px = pair(call["padding"])
    return {
        "kernel": kernel,
        "stride": pair(stride) if stride else kernel,
        "padding": (py, px, py, px),
        "ceil_mode": bool(call["ceil_mode"]),
    }


def adaptive_avg_pool(b: GraphBuilder, call: Call) -> Value:
    """Translate a mean over as many windows as are wanted."""
    x, wanted = call.value(b), call["output_size"]
    sizes = [wanted, wanted] if isinstance(wanted, int) else list(wanted)
    pairs = zip(sizes, x.shape[1:], strict=True)
    size = tuple(n if s is None else int(s) for s, n in pairs)
    return b.add("adaptive_avg_pool", [x], attrs={"size": size})


def mean(b: GraphBuilder, call: Call) -> Value:
    """Translate the mean over all pixels of a channel."""
    x = call.value(b)
    wanted = call.get("dim")
    wanted = [wanted] if isinstance(wanted, int) else wanted
    if len(x.shape) != 3 or sorted(a % 4 for a in wanted or ()) != [2, 3]:
        raise refuse(b, f"mean over axes {wanted or 'all'} of {x.shape}")
    rank = 3 if call["keepdim"] else 1
    return b.add("global_avg_pool", [x], attrs={"rank": rank})


def upsample(b: GraphBuilder, call: Call) -> Value:
    """Translate the repetition of pixels by whole factors."""
    x, size = call.value(b), call.get("output_size")
    factors = call.get("scale_factors") or [call.get("scales_h"), call.get("scales_w")]
    scale = []
    for axis, n in enumerate(x.shape[1:]):
        # Torch finds pixels by the factor where one is given, not by the sizes.
        given = factors[axis] if len(factors) > axis else None
        made = None if size is None else int(size[axis])
        factor = made / n if given is None and made is not None else float(given or 0)
        whole = factor >= 1 and factor == int(factor)
        if not whole or made not in (None, n * int(factor)):
            raise refuse(b, f"upsample_nearest2d of {x.shape[1:]} by {factor:g}")
        scale.append(int(factor))
    return b.add("upsample_nearest", [x], attrs={"scale": tuple(scale)})
