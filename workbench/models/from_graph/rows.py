"""Steps along axes and over windows, in torch.

Belongs here: sums, norms, softmax, pools, matrix products.
"""

from collections.abc import Callable, Mapping
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional

from workbench.engine.graph.graph import Node
from workbench.engine.graph.ops import window_output
from workbench.models.from_graph.values import (
    Attrs,
    Held,
    Inputs,
    Step,
    aligned,
    axes_of,
    axis_of,
    truth,
)

Reduction = Callable[[Tensor, list[int], bool], Tensor]


def _products(x: Tensor, axes: list[int], keep: bool) -> Tensor:
    for axis in sorted(axes, reverse=True):
        x = x.prod(axis, keepdim=keep)
    return x


REDUCTIONS: Mapping[str, Reduction] = {
    "sum": lambda x, a, k: x.sum(a, keepdim=k),
    "mean": lambda x, a, k: x.mean(a, keepdim=k),
    "max": lambda x, a, k: x.amax(a, keepdim=k),
    "min": lambda x, a, k: x.amin(a, keepdim=k),
    "prod": _products,
    "l1": lambda x, a, k: x.abs().sum(a, keepdim=k),
    "l2": lambda x, a, k: x.square().sum(a, keepdim=k).sqrt(),
    "sumsq": lambda x, a, k: x.square().sum(a, keepdim=k),
    "logsumexp": lambda x, a, k: x.logsumexp(a, keepdim=k),
    "any": lambda x, a, k: truth((x != 0).sum(a, keepdim=k) > 0),
    "all": lambda x, a, k: truth((x == 0).sum(a, keepdim=k) == 0),
    "argmax": lambda x, a, k: truth(x.argmax(a[0], keepdim=k)),
    "argmin": lambda x, a, k: truth(x.argmin(a[0], keepdim=k)),
}


def _reduce(node: Node, inputs: Inputs, held: Held) -> Tensor:
    x, axes, kind = inputs[0], axes_of(node.attrs), node.attrs["kind"]
    keep = bool(node.attrs.get("keepdims", False))
    if kind in ("var", "std"):
        free = node.attrs.get("correction", 0)
        made = torch.var(x, axes, correction=free, keepdim=keep)
        return made.sqrt() if kind == "std" else made
    return REDUCTIONS[kind](x, axes, keep) if axes else x


def _softmax(node: Node, inputs: Inputs, held: Held) -> Tensor:
    take = torch.log_softmax if node.attrs.get("log", False) else torch.softmax
    return take(inputs[0], axis_of(node.attrs))


def _cumsum(node: Node, inputs: Inputs, held: Held) -> Tensor:
    return inputs[0].cumsum(axis_of(node.attrs))


def _layernorm(node: Node, inputs: Inputs, held: Held) -> Tensor:
    x, axes, eps = inputs[0], axes_of(node.attrs), node.attrs["eps"]
    centred = node.attrs.get("centre", True)
    if centred and axes == list(range(x.ndim - len(axes), x.ndim)):
        x = functional.layer_norm(x, [x.shape[axis] for axis in axes], eps=eps)
    else:
        x = x - x.mean(axes, keepdim=True) if centred else x
        x = x / torch.sqrt(x.square().mean(axes, keepdim=True) + eps)
    x = x * held["scale"] if "scale" in held else x
    return x + held["shift"] if "shift" in held else x


def _lrn(node: Node, inputs: Inputs, held: Held) -> Tensor:
    x, attrs = inputs[0], node.attrs
    size = attrs["size"]
    # Of an even window one more neighbour lies before the channel, or behind it.
    below = (size - 1) // 2 if attrs.get("late", False) else size // 2
    pads = [0, 0] * (x.ndim - 2) + [below, size - 1 - below]
    padded = functional.pad(x.square(), pads)
    total = sum(padded[:, i : i + x.shape[1]] for i in range(size))
    return x / torch.pow(attrs["k"] + attrs["alpha"] / size * total, attrs["beta"])


def _matmul(node: Node, inputs: Inputs, held: Held) -> Tensor:
    left, right = aligned(inputs, held, 2)
    return left @ right


def _axis_map(node: Node, inputs: Inputs, held: Held) -> Tensor:
    axis = axis_of(node.attrs)
    made = inputs[0].transpose(axis, -1) @ held["matrix"].T
    return made.transpose(axis, -1)


def _mean_of_planes(node: Node, inputs: Inputs, held: Held) -> Tensor:
    x = inputs[0]
    if x.ndim > 2:
        x = x.mean(list(range(2, x.ndim)))
    return x[:, :, None, None] if node.attrs.get("rank", 3) == 3 else x


def _adaptive(node: Node, inputs: Inputs, held: Held) -> Tensor:
    return functional.adaptive_avg_pool2d(inputs[0], tuple(node.attrs["size"]))


def _max_pool(node: Node, inputs: Inputs, held: Held) -> Tensor:
    kernel, stride, pads, more = _window(node.attrs, inputs[0])
    frame = [a + b for a, b in zip(pads, more, strict=True)]
    x = functional.pad(inputs[0], frame, value=-torch.inf)
    return functional.max_pool2d(x, kernel, stride)


def _avg_pool(node: Node, inputs: Inputs, held: Held) -> Tensor:
    kernel, stride, pads, more = _window(node.attrs, inputs[0])
    x = functional.pad(functional.pad(inputs[0], pads), more)
    if not any((*pads, *more)):
        return functional.avg_pool2d(x, kernel, stride)
    total = functional.avg_pool2d(x, kernel, stride, divisor_override=1)
    inside = float(bool(node.attrs.get("count_include_pad", True)))
    counted = torch.ones(1, 1, *inputs[0].shape[2:], device=x.device)
    counted = functional.pad(functional.pad(counted, pads, value=inside), more)
    return total / functional.avg_pool2d(counted, kernel, stride, divisor_override=1)


def _window(
    attrs: Attrs, x: Tensor
) -> tuple[list[int], list[int], list[int], list[int]]:
    """Return kernel, stride, padding, and what a last window needs beyond that."""
    kernel, stride = list(attrs["kernel"]), list(attrs.get("stride", (1, 1)))
    top, left, bottom, right = attrs.get("padding", (0, 0, 0, 0))
    more = [0, 0, 0, 0]
    if attrs.get("ceil_mode", False):
        for axis, pads in ((1, (left, right)), (0, (top, bottom))):
            size = x.shape[2 + axis]
            count = window_output(size, kernel[axis], stride[axis], pads, True)
            end = (count - 1) * stride[axis] + kernel[axis]
            more[1 if axis else 3] = max(end - size - sum(pads), 0)
    return kernel, stride, [left, right, top, bottom], more


def _window_pool(node: Node, inputs: Inputs, held: Held) -> Tensor:
    x, attrs = inputs[0], node.attrs
    n, size, kernel = x.ndim - 2, attrs["size"], attrs["kernel"]
    stride, dilation, pads = attrs["stride"], attrs["dilation"], attrs["padding"]
    maximum = attrs["kind"] == "max"
    frame: list[int] = []
    for i in reversed(range(n)):
        end = (size[i] - 1) * stride[i] + (kernel[i] - 1) * dilation[i] + 1
        frame += [pads[i], max(end - pads[i] - x.shape[2 + i], 0)]
    padded = functional.pad(x, frame, value=-torch.inf if maximum else 0.0)
    power = attrs.get("power", 1.0)
    if attrs["kind"] == "lp":
        padded = padded.abs().pow(power)
    taps = [_tap(padded, place, attrs) for place in product(*map(range, kernel))]
    stacked = torch.stack(taps)
    if maximum:
        return stacked.amax(0)
    total = stacked.sum(0)
    if attrs["kind"] == "lp":
        return total.pow(1 / power)
    return total / _counts(x, attrs)


def _tap(padded: Tensor, place: tuple[int, ...], attrs: Attrs) -> Tensor:
    cuts = [slice(None), slice(None)]
    for i, p in enumerate(place):
        start = p * attrs["dilation"][i]
        stop = start + (attrs["size"][i] - 1) * attrs["stride"][i] + 1
        cuts.append(slice(start, stop, attrs["stride"][i]))
    return padded[tuple(cuts)]


def _counts(x: Tensor, attrs: Attrs) -> Tensor | float:
    """Return by what each sum is divided."""
    if "divisor" in attrs:
        return float(attrs["divisor"])
    n = x.ndim - 2
    total = torch.ones(1)
    for i in range(n):
        pad, after = attrs["padding"][i], attrs["padding"][n + i]
        low, high = 0, x.shape[2 + i]
        if attrs.get("count_include_pad", True):
            low, high = -pad, high + after
        starts = torch.arange(attrs["size"][i]) * attrs["stride"][i] - pad
        taps = starts[:, None] + torch.arange(attrs["kernel"][i]) * attrs["dilation"][i]
        inside = ((taps >= low) & (taps < high)).sum(1).float()
        total = total * inside.reshape(-1, *(1,) * (n - 1 - i))
    return total.clamp(min=1.0).to(x.device)


ROWS: Mapping[str, Step] = {
    "reduce": _reduce,
    "softmax": _softmax,
    "cumsum": _cumsum,
    "layernorm": _layernorm,
    "lrn": _lrn,
    "matmul": _matmul,
    "axis_map": _axis_map,
    "global_avg_pool": _mean_of_planes,
    "adaptive_avg_pool": _adaptive,
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "window_pool": _window_pool,
}
