"""What each array operation takes: those that work on tensors of any rank.

Belongs here: attributes and parameters. Does not belong here: shapes (`array_ops`) and
arithmetic (`workbench.kernels.arrays`).

Axes count from 0 without the batch and are never negative. Operations with
``operands`` take constants as parameters ``c0``, ``c1``, ...
"""

from collections.abc import Mapping
from dataclasses import replace

from workbench.engine.graph.field_kinds import (
    FLAG,
    MOST_AXES,
    MOST_ELEMENTS,
    MOST_STEP,
    NUMBER,
    TEXT,
    Fields,
    whole,
    wholes,
    word,
)

MOST_OPERANDS = 1024

UNARY = (
    *("abs", "neg", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt"),
    *("rsqrt", "reciprocal", "square", "sin", "cos", "tan", "asin", "acos"),
    *("atan", "sinh", "cosh", "asinh", "acosh", "atanh", "floor", "ceil", "round"),
    *("trunc", "sign", "not", "isnan", "isinf"),
)
"""Functions of one number that are no activations."""

BINARY = (
    *("add", "sub", "mul", "div", "pow", "maximum", "minimum", "floor_div"),
    *("remainder", "fmod", "atan2", "lt", "le", "gt", "ge", "eq", "ne"),
    *("and", "or", "xor"),
)
"""Functions of two numbers; comparisons give 0 and 1."""

REDUCTIONS = (
    *("sum", "mean", "max", "min", "prod", "l1", "l2", "logsumexp", "sumsq"),
    *("var", "std", "any", "all"),
)
POINTERS = ("argmax", "argmin")
PADDINGS = ("constant", "reflect", "replicate", "circular")
SOME = tuple(range(1, MOST_AXES + 1))

_AXIS = whole(0, MOST_AXES - 1, required=True)
_AXES = wholes(-1, 0, MOST_AXES - 1, required=True)
_SHAPE = wholes(-1, 1, MOST_ELEMENTS, required=True)
_CUTS = wholes(-1, -1, MOST_ELEMENTS, required=True)
_TWO = wholes(2, 1, MOST_STEP)
_STEPS = wholes(-1, 1, MOST_STEP)
_PADS = wholes(-1, 0, MOST_STEP)
_GROUPS = whole(1, MOST_ELEMENTS)

ARRAY_FIELDS: Mapping[str, Fields] = {
    "reshape": Fields(attrs={"shape": _SHAPE}),
    "permute": Fields(attrs={"axes": _AXES}),
    "expand": Fields(attrs={"shape": _SHAPE}),
    "unary": Fields(attrs={"kind": word(*UNARY)}),
    "prelu": Fields(params={"slope": -1}),
    "binary": Fields((0, 2), operands=True, attrs={"kind": word(*BINARY)}),
    "where": Fields((0, 3), operands=True),
    "clamp": Fields((0, 3), operands=True),
    "reduce": Fields(
        attrs={
            "kind": word(*REDUCTIONS, *POINTERS),
            "axes": _AXES,
            "keepdims": FLAG,
            "correction": whole(0, MOST_STEP),
        }
    ),
    "softmax": Fields(ranks=SOME, attrs={"axis": _AXIS, "log": FLAG}),
    "cumsum": Fields(ranks=SOME, attrs={"axis": _AXIS}),
    "matmul": Fields((0, 2), operands=True),
    "tokens_linear": Fields(ranks=SOME, params={"weight": 2, "bias": 1}),
    "layernorm": Fields(
        ranks=SOME,
        attrs={"axes": _AXES, "eps": NUMBER, "centre": FLAG},
        params={"scale?": -1, "shift?": -1},
    ),
    "groupnorm": Fields(
        ranks=SOME,
        attrs={"groups": _GROUPS, "eps": NUMBER},
        params={"scale?": 1, "shift?": 1},
    ),
    "lrn": Fields(
        ranks=SOME,
        attrs={
            "size": whole(1, MOST_STEP, required=True),
            "alpha": NUMBER,
            "beta": NUMBER,
            "k": NUMBER,
            "late": FLAG,
        },
    ),
    "cut": Fields(
        ranks=SOME,
        attrs={
            "starts": wholes(-1, 0, MOST_ELEMENTS, required=True),
            "stops": _CUTS,
            "steps": wholes(-1, -MOST_STEP, MOST_STEP, required=True),
        },
    ),
    "gather": Fields(ranks=SOME, attrs={"axis": _AXIS}, params={"places": -1}),
    "join": Fields((0, MOST_OPERANDS), operands=True, attrs={"axis": _AXIS}),
    "pad": Fields(
        ranks=SOME,
        attrs={
            "before": _PADS,
            "after": _PADS,
            "mode": word(*PADDINGS),
            "value": NUMBER,
        },
    ),
    "axis_map": Fields(ranks=SOME, attrs={"axis": _AXIS}, params={"matrix": 2}),
    "conv_transpose2d": Fields(
        ranks=(3,),
        attrs={
            "stride": _TWO,
            "dilation": _TWO,
            "padding": wholes(4, 0, MOST_STEP),
            "output_padding": wholes(2, 0, MOST_STEP),
            "groups": _GROUPS,
        },
        params={"weight": 4, "bias": 1},
    ),
    "conv3d": Fields(
        ranks=(4,),
        attrs={
            "stride": _STEPS,
            "dilation": _STEPS,
            "padding": _PADS,
            "groups": _GROUPS,
        },
        params={"weight": 5, "bias": 1},
    ),
    "window_pool": Fields(
        ranks=(2, 3, 4),
        attrs={
            "kind": word("max", "mean", "lp"),
            "kernel": _STEPS,
            "stride": _STEPS,
            "dilation": _STEPS,
            "padding": _PADS,
            "size": _SHAPE,
            "count_include_pad": FLAG,
            "divisor": whole(1, MOST_ELEMENTS),
            "power": replace(NUMBER, required=False),
        },
    ),
    "foreign": Fields(
        (1, MOST_OPERANDS),
        attrs={"shape": _SHAPE, "name": TEXT},
    ),
}
