"""For every torch operation that is read: a call, and other values of its arguments.

A value that is a dict stands for several arguments. ``no`` marks a value that must be
refused by name; all others must give torch's numbers.
"""

from collections.abc import Mapping

import torch

from tests.engine.aten_array_cases import ARRAY_CASES
from tests.engine.aten_values import LEFT_OUT, VECTOR, Cases, no, numbers


def two(x: torch.Tensor) -> list[torch.Tensor]:
    """Return two parts to join."""
    return [x, torch.relu(x)]


def five_axes(x: torch.Tensor) -> torch.Tensor:
    """Return the view that a channel shuffle begins with."""
    return x.view(1, 2, 2, 6, 5)


ARITHMETIC = {
    "other": [
        numbers(4, 1, 1),
        numbers(1, 4, 1, 1),
        numbers(1).expand(5),
        numbers(5),
        numbers(6, 1),
        *no(numbers(1, 1, 1, 4, 1, 1)),
    ]
}
ALPHA = {**ARITHMETIC, "alpha": [3, 0.5]}
ROUNDING = {**ARITHMETIC, "rounding_mode": ["floor", "trunc"]}
CLAMP_MIN = {"min": [-0.25, torch.tensor(-0.25), numbers(4, 1, 1)]}
LOW = torch.tensor(-1.0)
CLAMP = {
    **CLAMP_MIN,
    "max": [
        0.5,
        -2.0,
        {"min": None, "max": torch.tensor(0.5)},
        {"min": LOW, "max": torch.full((1, 1, 5), 0.5)},
        {"min": LOW, "max": numbers(5)},
    ],
}
PER_CHANNEL = {"weight": numbers(4), "bias": numbers(4)}
KEPT = {"running_mean": numbers(4), "running_var": numbers(4) + 1}
NORM = {**PER_CHANNEL, **KEPT, "momentum": 0.1, "eps": 1e-5}
NORM_CHANGES = {
    "weight": [None],
    "bias": [None],
    "running_mean": [numbers(4) - 1],
    "running_var": [numbers(4) + 3],
    "momentum": [0.9],
    "eps": [0.5],
}
FORMAT = {"memory_format": [torch.channels_last]}
CASTS = {
    "dtype": [torch.bool, *no(torch.int32, torch.int8, torch.float16, torch.float64)],
    "non_blocking": [True],
    "memory_format": [torch.channels_last],
}
POOL = {
    "kernel_size": [[2, 3]],
    "stride": [[1, 1], [2, 1]],
    "padding": [[1, 0], [1, 1]],
    "ceil_mode": [True],
}
DILATED = {**POOL, "dilation": [[2, 1]]}
SLICE = {"dim": 1, "start": 1, "end": 3}
SLICE_CHANGES = {
    "dim": [-3, 2, *no(0)],
    "start": [None, -2, 0],
    "end": [None, -1, 2**63 - 1],
    "step": [2],
}

CASES: Mapping[str, Cases] = {
    "conv2d": Cases(
        {"weight": numbers(6, 4, 3, 2) - 1, "bias": numbers(6), "groups": 1},
        {
            "weight": [{"weight": numbers(6, 4, 1, 3)}],
            "bias": [None],
            "stride": [[2, 1], [1, 3]],
            "padding": [[2, 0], "same", "valid"],
            "dilation": [[2, 1]],
            "groups": [{"weight": numbers(6, 2, 3, 2), "groups": 2}],
        },
    ),
    "linear": Cases(
        {"weight": numbers(3, 6) - 1, "bias": numbers(3)},
        {"weight": [numbers(3, 6)], "bias": [None]},
        VECTOR,
    ),
    "winograd_conv2d": Cases(
        {
            "weight": numbers(3, 4, 4, 4) - 1,
            "bias": numbers(3),
            "m": 2,
            "padding": 1,
            "relu": False,
        },
        {
            "weight": [numbers(3, 4, 4, 4)],
            "bias": [None],
            "m": [{"m": 4, "weight": numbers(3, 4, 6, 6) - 1}],
            "padding": [0],
            "relu": [True],
        },
    ),
    "batch_norm": Cases(
        {**NORM, "training": False, "cudnn_enabled": False},
        {**NORM_CHANGES, "training": no(True), "cudnn_enabled": [True]},
    ),
    "_native_batch_norm_legit_no_training": Cases(NORM, NORM_CHANGES),
    "relu": Cases(),
    "relu6": Cases(before=lambda x: x * 9),
    "hardtanh": Cases({}, {"min_val": [-0.25, 2.0], "max_val": [0.5, -2.0]}),
    "clamp": Cases({"min": -1.0}, CLAMP),
    "clip": Cases({"min": -1.0}, CLAMP),
    "clamp_min": Cases({"min": 0.0}, CLAMP_MIN),
    "clamp_max": Cases({"max": 0.0}, {"max": [0.5, torch.tensor(0.5), numbers(5)]}),
    "hardswish": Cases(before=lambda x: x * 4),
    "hardsigmoid": Cases(before=lambda x: x * 4),
    **{name: Cases() for name in ("silu", "sigmoid", "tanh", "exp", "erf", "mish")},
    "gelu": Cases({}, {"approximate": ["tanh"]}),
    "leaky_relu": Cases({}, {"negative_slope": [0.2, -0.5, 1.5]}),
    "prelu": Cases(
        {"weight": numbers(4)},
        {"weight": [numbers(1), {"weight": torch.full((4,), 0.25)}]},
    ),
    "elu": Cases(
        {}, {"alpha": [0.3, -1.5], "scale": [0.7], "input_scale": [1.5, -1.0]}
    ),
    "selu": Cases(),
    "celu": Cases({}, {"alpha": [0.4, 2.0]}),
    "softplus": Cases(
        {},
        {"beta": [3.0, 0.5], "threshold": [50, 2]},
        before=lambda x: x * 9,
    ),
    "add": Cases({"other": 2}, ALPHA),
    "sub": Cases({"other": 2}, ALPHA),
    "subtract": Cases({"other": 2}, ALPHA),
    "rsub": Cases({"other": 2}, ALPHA),
    "mul": Cases({"other": 2}, ARITHMETIC),
    "multiply": Cases({"other": 2}, ARITHMETIC),
    "div": Cases({"other": 2}, ROUNDING),
    "divide": Cases({"other": 2}, ROUNDING),
    "cat": Cases({"dim": 1}, {"dim": [-3, 2, 3]}, before=two),
    "concat": Cases({"dim": 1}, {"dim": [-3, 2, 3]}, before=two),
    "concatenate": Cases({"dim": 1}, {"dim": [-3, 2, 3]}, before=two),
    "split": Cases(
        {"split_size": 3, "dim": 1},
        {
            "split_size": [1],
            "split_sizes": [{"split_size": [1, 3]}],
            "dim": [-3, 2],
        },
    ),
    "split_with_sizes": Cases(
        {"split_sizes": [1, 3], "dim": 1},
        {
            "split_sizes": [[2, 1, 1]],
            "dim": [-3, {"dim": 2, "split_sizes": [3, 3]}],
        },
    ),
    "chunk": Cases({"chunks": 2, "dim": 1}, {"chunks": [3, 4], "dim": [-3, 2]}),
    "slice": Cases(SLICE, SLICE_CHANGES),
    "narrow": Cases(
        {"dim": 1, "start": 1, "length": 2},
        {"dim": [-3, 2], "start": [0, -2], "length": [1, 3]},
    ),
    "slice_scatter": Cases(
        {**SLICE, "src": LEFT_OUT},
        {
            "dim": [-3],
            "start": [{"start": 0, "end": 2}, {"start": -2, "end": 9}],
            "end": [{"start": None, "end": 2}],
            "step": [{"start": 0, "end": 4, "step": 2}],
            "src": [numbers(1, 2, 6, 5)],
        },
        before=lambda x: x,
    ),
    "copy": Cases(
        {"src": LEFT_OUT}, {"non_blocking": [True], "src": no(numbers(4, 6, 5))}
    ),
    "max_pool2d": Cases({"kernel_size": [3, 2]}, DILATED),
    "max_pool2d_with_indices": Cases({"kernel_size": [3, 2]}, DILATED),
    "avg_pool2d": Cases(
        {"kernel_size": [3, 2], "padding": [1, 1], "stride": [2, 2]},
        {
            **POOL,
            "ceil_mode": [True, {"ceil_mode": True, "count_include_pad": False}],
            "count_include_pad": [False],
            "divisor_override": [5],
        },
    ),
    "adaptive_avg_pool2d": Cases(
        {"output_size": [1, 1]}, {"output_size": [[2, 3], [4, 5], [7, 7]]}
    ),
    "_adaptive_avg_pool2d": Cases(
        {"output_size": [1, 1]}, {"output_size": [[2, 3], [4, 5], [7, 7]]}
    ),
    "mean": Cases(
        {"dim": [2, 3]},
        {
            "dim": [[-1, -2], [1], [2], *no([0, 2, 3], None)],
            "keepdim": [True],
            "dtype": no(torch.float64),
        },
    ),
    "view": Cases(
        {"size": [1, 120]},
        {
            "size": [[1, -1], [-1, 120], [1, 4, 30]],
            "dtype": no({"size": LEFT_OUT, "dtype": torch.int32}),
        },
    ),
    "reshape": Cases(
        {"shape": [1, 120]},
        {"shape": [[1, -1], [1, 4, 6, 5], [120], [1, 4, 5, 6]]},
    ),
    "_unsafe_view": Cases({"size": [1, 120]}, {"size": [[1, -1], [1, 4, 30]]}),
    "transpose": Cases(
        {"dim0": 1, "dim1": 2},
        {
            "dim0": [{"dim0": 2, "dim1": 1}, 3],
            "dim1": [{"dim1": 1, "dim0": -3}, 3],
        },
        before=five_axes,
    ),
    "permute": Cases(
        {"dims": [0, 2, 1, 3, 4]},
        {"dims": [[0, -3, 1, 3, -1], [0, 1, 2, 4, 3]]},
        before=five_axes,
    ),
    "channel_shuffle": Cases({"groups": 2}, {"groups": [4, 1]}),
    "native_channel_shuffle": Cases({"groups": 2}, {"groups": [4, 1]}),
    "flatten": Cases(
        {"start_dim": 1}, {"start_dim": [-3, 0, 2], "end_dim": [3, 2, -2]}
    ),
    "squeeze": Cases(
        {"dim": [2, 3]}, {"dim": [[-1, -2], [1], 0, 3, LEFT_OUT]}, (4, 1, 1)
    ),
    "upsample_nearest2d": Cases(
        {"output_size": [12, 10]},
        {
            "output_size": [[18, 5], [9, 10]],
            "scale_factors": [
                {"output_size": None, "scale_factors": [2.0, 3.0]},
                {"output_size": None, "scale_factors": [1.5, 1.4]},
                {"output_size": None, "scale_factors": [1.1, 1.1]},
            ],
            "scales_h": [
                {"output_size": [12, 10], "scales_h": 2.0, "scales_w": 2.0},
                {"output_size": [6, 5], "scales_h": 1.1, "scales_w": 1.0},
            ],
            "scales_w": [{"output_size": [6, 10], "scales_h": 1.0, "scales_w": 2.1}],
        },
    ),
    "dropout": Cases({"p": 0.5, "train": False}, {"p": [0.1], "train": no(True)}),
    "feature_dropout": Cases(
        {"p": 0.5, "train": False}, {"p": [0.1], "train": no(True)}
    ),
    "contiguous": Cases({}, FORMAT),
    "clone": Cases({}, FORMAT),
    "alias": Cases(),
    "detach": Cases(),
    "lift_fresh_copy": Cases(),
    "to": Cases(
        {"dtype": torch.float32},
        {
            **CASTS,
            "copy": [True],
            "other": [{"dtype": LEFT_OUT, "other": numbers(1)}],
            "device": [{"device": "cpu", "dtype": torch.float32}],
            "layout": [{"dtype": torch.float32, "layout": torch.strided}],
            "pin_memory": [{"dtype": torch.float32, "pin_memory": False}],
        },
    ),
    "_to_copy": Cases(
        {},
        {
            **CASTS,
            "device": ["cpu"],
            "layout": [torch.strided],
            "pin_memory": [False],
        },
    ),
    "_assert_tensor_metadata": Cases(),
    **ARRAY_CASES,
}
