"""The covered operations and the shape each of them makes.

Belongs here: one shape rule per operation. Adding an operation = one rule, one line
in `COVERED` and one in `fields.FIELDS`. Does not belong here: what attributes may be
(`fields`) and how an operation is computed.

Attribute conventions: ``stride``, ``dilation`` and ``kernel`` are (y, x);
``padding`` is (top, left, bottom, right); ``act`` is (kind, number, number) with the
numbers of `ACTIVATIONS` in their order and zeros behind them.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.engine.graph.array_ops import ARRAY_RULES
from workbench.engine.graph.field_kinds import ACTIVATIONS as ACTIVATIONS
from workbench.engine.graph.fields import NEXT_STEP, check_fields, check_shape
from workbench.errors import WorkbenchError

Shape = tuple[int, ...]
Params = Mapping[str, NDArray[np.float32]]
Rule = Callable[[Sequence[Shape], Mapping[str, Any], Params], Shape]

CONVOLUTIONS = ("conv2d", "winograd_conv2d", "palette_conv2d")
"""Layers that may add a second input, the residual, to their result."""

LINEARS = ("linear", "palette_linear")


def _problem(found: str, expected: str) -> WorkbenchError:
    return WorkbenchError(found, expected, NEXT_STEP)


def window_output(
    size: int, kernel: int, stride: int, pads: tuple[int, int], ceil_mode: bool = False
) -> int:
    """Return the number of window positions along one axis.

    Examples
    --------
    >>> window_output(224, 7, 2, (3, 3))
    112
    """
    room = size + pads[0] + pads[1] - kernel
    if room < 0:
        raise _problem(f"a window of {kernel} over {size} pixels", "a smaller window")
    if not ceil_mode:
        return room // stride + 1
    count = -(-room // stride) + 1
    if (count - 1) * stride >= size + pads[0]:
        count -= 1
    return count


def _window(shape: Shape, kernel: Sequence[int], attrs: Mapping[str, Any]) -> Shape:
    top, left, bottom, right = attrs.get("padding", (0, 0, 0, 0))
    stride_y, stride_x = attrs.get("stride", (1, 1))
    ceil = bool(attrs.get("ceil_mode", False))
    return (
        window_output(shape[1], kernel[0], stride_y, (top, bottom), ceil),
        window_output(shape[2], kernel[1], stride_x, (left, right), ceil),
    )


def _conv2d(inputs: Sequence[Shape], attrs: Mapping[str, Any], params: Params) -> Shape:
    shape, weight, groups = inputs[0], params["weight"], attrs.get("groups", 1)
    if len(shape) != 3 or weight.ndim != 4 or shape[0] != weight.shape[1] * groups:
        raise _problem(
            f"a convolution weight {weight.shape} in {groups} groups over {shape}",
            "a weight (O, C / groups, KH, KW)",
        )
    if weight.shape[0] % groups or params["bias"].shape != (weight.shape[0],):
        raise _problem(
            f"{weight.shape[0]} filters, bias {params['bias'].shape}, {groups} groups",
            "filters divisible by groups and one bias each",
        )
    dilation = attrs.get("dilation", (1, 1))
    kernel = [(k - 1) * d + 1 for k, d in zip(weight.shape[2:], dilation, strict=True)]
    out = (weight.shape[0], *_window(shape, kernel, attrs))
    if len(inputs) == 2 and inputs[1] != out:
        raise _problem(f"a residual {inputs[1]} for an output {out}", "equal shapes")
    return out


def _winograd(
    inputs: Sequence[Shape], attrs: Mapping[str, Any], params: Params
) -> Shape:
    shape, weight, side = inputs[0], params["weight"], attrs["m"] + 2
    if weight.ndim != 4 or weight.shape[1:] != (shape[0], side, side):
        raise _problem(
            f"a Winograd-domain weight {weight.shape} over {shape}",
            f"(O, {shape[0]}, {side}, {side})",
        )
    if params["bias"].shape != (weight.shape[0],):
        raise _problem(f"bias {params['bias'].shape}", f"({weight.shape[0]},)")
    out = (weight.shape[0], *_window(shape, (3, 3), attrs))
    if len(inputs) == 2 and inputs[1] != out:
        raise _problem(f"a residual {inputs[1]} for an output {out}", "equal shapes")
    return out


def _linear(inputs: Sequence[Shape], attrs: Mapping[str, Any], params: Params) -> Shape:
    weight, features = params["weight"], prod(inputs[0])
    if weight.shape[1] != features:
        raise _problem(f"a weight {weight.shape} over {inputs[0]}", "(O, features)")
    if params["bias"].shape != (weight.shape[0],):
        raise _problem(f"bias {params['bias'].shape}", f"({weight.shape[0]},)")
    rank: int = attrs.get("rank", 1)
    return (int(weight.shape[0]),) + (1,) * (rank - 1)


def _palette(rule: Rule) -> Rule:
    """Return the rule of a layer whose weight is held as codes."""

    def shape(
        inputs: Sequence[Shape], attrs: Mapping[str, Any], params: Params
    ) -> Shape:
        codes = params["indices"]
        if params["scale"].shape != (codes.shape[0],):
            raise _problem(f"scale {params['scale'].shape}", f"({codes.shape[0]},)")
        return rule(inputs, attrs, {"weight": codes, "bias": params["bias"]})

    return shape


def _same(inputs: Sequence[Shape], attrs: Mapping[str, Any], params: Params) -> Shape:
    return inputs[0]


def _scale(inputs: Sequence[Shape], attrs: Mapping[str, Any], params: Params) -> Shape:
    for name in ("scale", "shift"):
        if params[name].shape != (inputs[0][0],):
            raise _problem(f"{name} {params[name].shape}", f"({inputs[0][0]},)")
    return inputs[0]


def _pair(inputs: Sequence[Shape], attrs: Mapping[str, Any], params: Params) -> Shape:
    left, right = inputs
    if left != right:
        raise _problem(f"operands {left} and {right}", "equal shapes")
    return left


def _mul(inputs: Sequence[Shape], attrs: Mapping[str, Any], params: Params) -> Shape:
    left, right = inputs
    if left == right or (len(left) == 3 and right == (left[0], 1, 1)):
        return left
    raise _problem(f"operands {left} and {right}", "equal shapes, or (C, 1, 1) second")


def _concat(inputs: Sequence[Shape], attrs: Mapping[str, Any], params: Params) -> Shape:
    if len({shape[1:] for shape in inputs}) != 1:
        raise _problem(f"parts {list(inputs)}", "equal heights and widths")
    return (sum(shape[0] for shape in inputs), *inputs[0][1:])


def _slice(inputs: Sequence[Shape], attrs: Mapping[str, Any], params: Params) -> Shape:
    start, stop = attrs["start"], attrs["stop"]
    if not 0 <= start < stop <= inputs[0][0]:
        raise _problem(f"channels {start}..{stop} of {inputs[0]}", "a part of them")
    return (stop - start, *inputs[0][1:])


def _pool(inputs: Sequence[Shape], attrs: Mapping[str, Any], params: Params) -> Shape:
    return (inputs[0][0], *_window(inputs[0], attrs["kernel"], attrs))


def _adaptive(
    inputs: Sequence[Shape], attrs: Mapping[str, Any], params: Params
) -> Shape:
    return (inputs[0][0], *attrs["size"])


def _global(inputs: Sequence[Shape], attrs: Mapping[str, Any], params: Params) -> Shape:
    rank: int = attrs.get("rank", 3)
    return (inputs[0][0],) + (1,) * (rank - 1)


def _flatten(
    inputs: Sequence[Shape], attrs: Mapping[str, Any], params: Params
) -> Shape:
    rank: int = attrs.get("rank", 1)
    return (prod(inputs[0]),) + (1,) * (rank - 1)


def _shuffle(
    inputs: Sequence[Shape], attrs: Mapping[str, Any], params: Params
) -> Shape:
    if inputs[0][0] % attrs["groups"]:
        raise _problem(f"{inputs[0][0]} channels in {attrs['groups']}", "a divisor")
    return inputs[0]


def _upsample(
    inputs: Sequence[Shape], attrs: Mapping[str, Any], params: Params
) -> Shape:
    scale_y, scale_x = attrs["scale"]
    return (inputs[0][0], inputs[0][1] * scale_y, inputs[0][2] * scale_x)


def _input(inputs: Sequence[Shape], attrs: Mapping[str, Any], params: Params) -> Shape:
    return tuple(attrs["shape"])


COVERED: Mapping[str, Rule] = {
    "input": _input,
    "conv2d": _conv2d,
    "palette_conv2d": _palette(_conv2d),
    "winograd_conv2d": _winograd,
    "linear": _linear,
    "palette_linear": _palette(_linear),
    "batchnorm": _scale,
    **dict.fromkeys(ACTIVATIONS, _same),
    "add": _pair,
    "mul": _mul,
    "concat": _concat,
    "slice": _slice,
    "max_pool": _pool,
    "avg_pool": _pool,
    "adaptive_avg_pool": _adaptive,
    "global_avg_pool": _global,
    "flatten": _flatten,
    "channel_shuffle": _shuffle,
    "upsample_nearest": _upsample,
    "identity": _same,
    **ARRAY_RULES,
}


def infer_shape(
    op: str, inputs: Sequence[Shape], attrs: Mapping[str, Any], params: Params
) -> Shape:
    """Return the output shape of one operation, without the batch axis.

    Parameters
    ----------
    op : str
        A key of `COVERED`.
    inputs : sequence of tuple
        Input shapes without the batch axis.
    attrs, params : mapping
        As in `workbench.engine.graph.graph.Node`.

    Returns
    -------
    tuple of int

    Raises
    ------
    WorkbenchError
        Inputs, attributes and parameters contradict each other or are out of range.
    """
    check_fields(op, inputs, attrs, params)
    shape = COVERED[op](inputs, attrs, params)
    check_shape(shape, f"the result of an operation {op!r}")
    return shape
