"""Calls of the torch operations that work on tensors of any rank; see `aten_cases`."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from tests.engine.aten_move_cases import MOVE_CASES
from tests.engine.aten_values import LEFT_OUT, Cases, no, numbers

SIGNS = torch.tensor([1.0, -1.0, 0.0, 2.0, -0.5])
POSITIVE = ("log", "log2", "log10", "log1p", "sqrt", "rsqrt")
BOUNDED = ("asin", "acos")
PLAIN = (
    *("abs", "neg", "exp2", "expm1", "reciprocal", "square", "sin"),
    *("cos", "tan", "floor", "ceil", "trunc", "sign", "atan", "sinh"),
    *("cosh", "logical_not", "log_sigmoid"),
)
PAIRS = (
    *("maximum", "minimum", "eq", "ne", "lt", "le", "gt", "ge", "floor_divide"),
    *("remainder", "fmod", "atan2", "true_divide"),
)
OPERANDS = [numbers(4, 6, 5) - 1, numbers(6, 1), numbers(1, 4, 1, 1), numbers(5)]
REDUCED = {"dim": [[-1], [1, 3], [2, 3], [1]], "keepdim": [True]}
ONE = {"dim": [-1, 1, 3], "keepdim": [True]}
UNTYPED = {"dtype": [torch.float32]}
SPREAD = {
    **REDUCED,
    "unbiased": [{"unbiased": False}, {"dim": [2], "unbiased": True}],
    "correction": [0, 2],
}
VOLUME = (4, 4, 6, 5)
LINE = (4, 9)
TURNED = {"weight": numbers(4, 3, 3, 2) - 1, "bias": numbers(3)}
TURNED_REST = {
    "stride": [[2, 3]],
    "padding": [[1, 0]],
    "output_padding": [{"stride": [2, 3], "output_padding": [1, 2]}],
    "groups": [{"weight": numbers(4, 3, 3, 2) - 1, "bias": numbers(6), "groups": 2}],
    "dilation": [[2, 1], {"dilation": [1, 2], "stride": [2, 2]}],
}


def positive(x: torch.Tensor) -> torch.Tensor:
    """Return numbers above zero."""
    return x.abs() + 0.1


def conv_cases(axes: int) -> Cases:
    """Return calls of a convolution over one or three axes."""
    kernel = (3, 2, 2)[:axes]
    weight = numbers(6, 4, *kernel) - 1
    return Cases(
        {"weight": weight, "bias": numbers(6), "groups": 1},
        {
            "weight": [numbers(6, 4, *(1,) * axes)],
            "bias": [None],
            "stride": [[2, 1, 1][:axes]],
            "padding": [[2, 0, 1][:axes], "same", "valid"],
            "dilation": [[1, 2, 2][3 - axes :]],
            "groups": [{"weight": numbers(6, 2, *kernel), "groups": 2}],
        },
        VOLUME if axes == 3 else LINE,
    )


def pool_cases(axes: int, *, mean: bool) -> Cases:
    """Return calls of a pool over one or three axes."""
    kernel = [3, 2, 2][:axes]
    changes: dict[str, Any] = {
        "kernel_size": [[2] * axes],
        "stride": [[2, 1, 2][:axes], []],
        "padding": [[1] * axes],
        "ceil_mode": [{"ceil_mode": True, "stride": [2] * axes}],
    }
    base: dict[str, Any] = {"kernel_size": kernel, "stride": [1] * axes}
    if mean:
        ragged = {"padding": [1] * axes, "ceil_mode": True, "stride": [2] * axes}
        changes["count_include_pad"] = [
            {"padding": [1] * axes, "count_include_pad": False},
            {**ragged, "count_include_pad": True},
        ]
        if axes == 3:
            changes["divisor_override"] = [7]
    else:
        changes["dilation"] = [[1, 2, 2][3 - axes :]]
    return Cases(base, changes, VOLUME if axes == 3 else LINE)


def upsample_cases(axes: int, *, corners: bool) -> Cases:
    """Return calls of a change of size."""
    shape = {1: LINE, 2: (4, 6, 5), 3: VOLUME}[axes]
    sides = shape[1:]
    names = ["scales"] if axes == 1 else [f"scales_{a}" for a in "dhw"[-axes:]]
    twice = [2 * n for n in sides]
    more = [n + 3 for n in sides]
    less = [n // 2 for n in sides]
    scaled = {n: 1.7 for n in names}
    sized = [int(1.7 * n) for n in sides]
    flag = {"align_corners": False} if corners else {}
    changes: dict[str, Any] = {
        "output_size": [more, less, [1] * axes],
        "scale_factors": [{"output_size": None, "scale_factors": [1.5] * axes}],
        names[0]: [{**scaled, "output_size": sized}],
        **{name: [{**scaled, "output_size": sized}] for name in names[1:]},
        "input": [{"output_size": None, "scale_factors": [2.0] * axes}],
        "self": [{"output_size": twice}],
    }
    if corners:
        changes["align_corners"] = [
            {"align_corners": True, "output_size": more},
            {"align_corners": True, "output_size": [1] * axes},
        ]
    return Cases({"output_size": twice, **flag}, changes, shape)


def pad_cases(mode: str, axes: int) -> Cases:
    """Return calls of one mode of padding."""
    widths = [1, 2, 0, 3, 2, 1][: 2 * axes]
    shape = {1: LINE, 2: (4, 6, 5), 3: VOLUME}[axes]
    return Cases({"padding": widths}, {"padding": [[1] * 2 * axes]}, shape)


def _reduction(*, kind: str = "dim", more: Mapping[str, Any] | None = None) -> Cases:
    base = {"dim": [2]} if kind == "dim" else {"dim": 2}
    change: dict[str, Any] = dict(REDUCED if kind == "dim" else ONE)
    change.update(more or {})
    return Cases(base, change)


def _cases() -> dict[str, Cases]:
    plain: dict[str, Cases] = {name: Cases() for name in PLAIN}
    plain |= {name: Cases(before=positive) for name in POSITIVE}
    plain |= {name: Cases(before=torch.tanh) for name in BOUNDED}
    extra: Mapping[str, Sequence[Any]] = {"a": [{}], "b": [{}]}
    for name in PAIRS:
        more = extra if name in ("eq", "ne") else {}
        base = SIGNS if name in ("maximum", "minimum", "atan2") else 0.5
        plain[name] = Cases({"other": base}, {"other": [*OPERANDS], **more})
    for name in ("logical_and", "logical_or", "logical_xor"):
        plain[name] = Cases(
            {"other": SIGNS}, {"other": [numbers(4, 1, 1) > 1]}, before=torch.floor
        )
    for axes in (1, 3):
        plain[f"conv{axes}d"] = conv_cases(axes)
        plain[f"avg_pool{axes}d"] = pool_cases(axes, mean=True)
        plain[f"max_pool{axes}d"] = pool_cases(axes, mean=False)
        shape = VOLUME if axes == 3 else LINE
        plain[f"adaptive_avg_pool{axes}d"] = Cases(
            {"output_size": [1] * axes}, {"output_size": [[3, 2, 4][:axes]]}, shape
        )
    for axes in (1, 2, 3):
        shape = {1: LINE, 2: (4, 6, 5), 3: VOLUME}[axes]
        plain[f"adaptive_max_pool{axes}d"] = Cases(
            {"output_size": [1] * axes},
            {"output_size": [[2, 3, 5][-axes:], [4, 2, 3][:axes]]},
            shape,
        )
        plain[f"reflection_pad{axes}d"] = pad_cases("reflect", axes)
        plain[f"replication_pad{axes}d"] = pad_cases("replicate", axes)
    for axes, name in ((1, "linear1d"), (2, "bilinear2d"), (3, "trilinear3d")):
        plain[f"upsample_{name}"] = upsample_cases(axes, corners=True)
    plain["upsample_bicubic2d"] = upsample_cases(2, corners=True)
    for name in ("upsample_nearest1d", "upsample_nearest3d"):
        plain[name] = upsample_cases(int(name[-2]), corners=False)
    for axes in (1, 2):
        plain[f"_upsample_nearest_exact{axes}d"] = upsample_cases(axes, corners=False)
    return plain


MADE = {
    "dtype": [torch.float32],
    "layout": [torch.strided],
    "device": ["cpu"],
    "pin_memory": [False],
    "memory_format": [torch.preserve_format],
}
WEIGHTS = {"weight": numbers(5), "bias": numbers(5)}
BY_CHANNEL = {"weight": numbers(4), "bias": numbers(4)}
STATISTICS = {"running_mean": numbers(4), "running_var": numbers(4) + 1}
KEYS = {"key": numbers(1, 4, 7, 5), "value": numbers(1, 4, 7, 3)}

ARRAY_CASES: Mapping[str, Cases] = {
    **_cases(),
    "round": Cases({}, {"decimals": [0, 1]}),
    "pow": Cases(
        {"exponent": 2},
        {"exponent": [3, 0.5, -1, -0.5, 1.5, numbers(5)]},
        before=positive,
    ),
    "where": Cases(
        {"self": 2.0, "other": numbers(4, 1, 1)},
        {"self": [numbers(5)], "other": [-1.0]},
        before=lambda x: x > 0,
    ),
    "masked_fill": Cases(
        {"mask": numbers(6, 5) > 1, "value": -7.0},
        {"mask": [numbers(1, 4, 1, 1) > 1], "value": [float("-inf")]},
        before=torch.sigmoid,
    ),
    "threshold": Cases(
        {"threshold": 0.1, "value": 3}, {"value": [-1], "threshold": [1]}
    ),
    "softmax": Cases({"dim": 1}, {"dim": [-1, 2, *no(0)], **UNTYPED}),
    "log_softmax": Cases({"dim": 1}, {"dim": [-1, 2, *no(-4)], **UNTYPED}),
    "sum": _reduction(more=UNTYPED),
    "prod": _reduction(kind="one", more=UNTYPED),
    "amax": _reduction(),
    "amin": _reduction(),
    "any": _reduction(),
    "all": _reduction(),
    "logsumexp": _reduction(),
    "max": _reduction(kind="one", more={"other": [{"dim": LEFT_OUT, "other": SIGNS}]}),
    "min": _reduction(kind="one", more={"other": [{"dim": LEFT_OUT, "other": SIGNS}]}),
    "argmax": _reduction(kind="one"),
    "argmin": _reduction(kind="one"),
    "var": Cases({"dim": [2, 3]}, SPREAD),
    "std": Cases({"dim": [2, 3]}, SPREAD),
    "var_mean": Cases({"dim": [2, 3]}, SPREAD),
    "std_mean": Cases({"dim": [2, 3]}, SPREAD),
    "norm": Cases(
        {"p": 2, "dim": [1]},
        {
            "p": [1, 3],
            **REDUCED,
            "dtype": [{"dtype": torch.float32, "keepdim": False}],
        },
    ),
    "linalg_vector_norm": Cases(
        {"ord": 2, "dim": [1]}, {"ord": [1, 3, float("inf")], **REDUCED, **UNTYPED}
    ),
    "cumsum": Cases({"dim": 1}, {"dim": [-1, *no(0)], **UNTYPED}),
    "layer_norm": Cases(
        {"normalized_shape": [5], **WEIGHTS},
        {
            "normalized_shape": [
                {"normalized_shape": [6, 5], "weight": None, "bias": None}
            ],
            "weight": [None],
            "bias": [None],
            "eps": [0.1],
            "cudnn_enable": [False],
        },
    ),
    "native_layer_norm": Cases(
        {"normalized_shape": [5], **WEIGHTS, "eps": 1e-5},
        {
            "normalized_shape": [
                {"normalized_shape": [6, 5], "weight": None, "bias": None}
            ],
            "weight": [None],
            "bias": [None],
            "eps": [0.1],
        },
    ),
    "rms_norm": Cases(
        {"normalized_shape": [5], "weight": numbers(5)},
        {
            "normalized_shape": [{"normalized_shape": [6, 5], "weight": None}],
            "weight": [None],
            "eps": [0.1],
        },
    ),
    "group_norm": Cases(
        {"num_groups": 2, **BY_CHANNEL},
        {
            "num_groups": [1, 4],
            "weight": [None],
            "bias": [None],
            "eps": [0.1],
            "cudnn_enabled": [False],
        },
    ),
    "native_group_norm": Cases(
        {**BY_CHANNEL, "N": 1, "C": 4, "HxW": 30, "group": 2, "eps": 1e-5},
        {"group": [1, 4], "weight": [None], "bias": [None], "eps": [0.1]},
    ),
    "instance_norm": Cases(
        {
            **BY_CHANNEL,
            "running_mean": None,
            "running_var": None,
            "use_input_stats": True,
            "momentum": 0.1,
            "eps": 1e-5,
            "cudnn_enabled": False,
        },
        {
            "weight": [None],
            "bias": [None],
            "running_mean": [{**STATISTICS, "use_input_stats": False}],
            "running_var": [{**STATISTICS, "use_input_stats": False, "eps": 0.5}],
            "momentum": [0.9],
            "eps": [0.1],
            "cudnn_enabled": [True],
        },
    ),
    "matmul": Cases(
        {"other": numbers(5, 3)},
        {"other": [numbers(5), numbers(4, 5, 2), numbers(1, 1, 5, 2)]},
    ),
    "bmm": Cases(
        {"mat2": numbers(4, 5, 2), "out_dtype": LEFT_OUT},
        {"mat2": [numbers(4, 5, 1)]},
        before=lambda x: x.squeeze(0),
    ),
    "mm": Cases(
        {"mat2": numbers(120, 2), "out_dtype": LEFT_OUT},
        {"mat2": [numbers(120, 1)]},
        before=lambda x: x.flatten(1),
    ),
    "scaled_dot_product_attention": Cases(
        {**KEYS, "dropout_p": 0.0},
        {
            "key": [numbers(4, 7, 5)],
            "value": [numbers(1, 4, 7, 2)],
            "attn_mask": [numbers(6, 7), numbers(6, 7) > 0.8],
            "is_causal": [True],
            "scale": [0.3],
            "enable_gqa": [
                {
                    "key": numbers(1, 2, 7, 5),
                    "value": numbers(1, 2, 7, 3),
                    "enable_gqa": True,
                }
            ],
            "dropout_p": no(0.5),
        },
    ),
    **MOVE_CASES,
    "conv_transpose1d": Cases(
        {"weight": numbers(4, 3, 3) - 1, "bias": numbers(3)},
        {
            "weight": [numbers(4, 3, 2)],
            "bias": [None],
            "stride": [[2]],
            "padding": [[1]],
            "output_padding": [{"stride": [2], "output_padding": [1]}],
            "groups": [{"weight": numbers(4, 2, 3), "bias": numbers(4), "groups": 2}],
            "dilation": [[2]],
        },
        LINE,
    ),
    "conv_transpose2d": Cases(
        TURNED, {"weight": [numbers(4, 3, 2, 2)], "bias": [None], **TURNED_REST}
    ),
    "convolution": Cases(
        {
            **TURNED,
            "stride": [1, 1],
            "padding": [0, 0],
            "dilation": [1, 1],
            "transposed": True,
            "output_padding": [0, 0],
            "groups": 1,
        },
        {
            **TURNED_REST,
            "transposed": [
                {"weight": numbers(6, 4, 3, 3), "bias": numbers(6), "transposed": False}
            ],
        },
    ),
    "zeros_like": Cases({}, MADE),
    "ones_like": Cases({}, MADE),
    "full_like": Cases({"fill_value": 3.5}, {"fill_value": [-1], **MADE}),
}
