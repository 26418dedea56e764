"""Every torch operation that is read, with all of its arguments.

Belongs here: the table. Adding an operation = one line here and one function in
`aten_layers`, `aten_arithmetic`, `aten_channels` or `aten_shapes`. Names are those of
torch's schemas, of all overloads together. That the result is float32 and has the
shape that torch gives it is checked for every call (`torch_export`).
"""

from collections.abc import Mapping
from typing import Any

from workbench.capture import reshapes
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_torch import (
    arithmetic,
    channels,
    layers,
    pools,
    reductions,
    winograd_op,
)
from workbench.capture.from_torch.call import Call
from workbench.capture.from_torch.table_arrays import ARRAYS, STORAGE
from workbench.capture.operations import Operation, operation

CHECKED = "the type of every result is checked"
TRAINING = "of use while training only"
PLACES = ("layout", "device", "pin_memory", "non_blocking", "memory_format")
CAST = {"dtype": CHECKED, **dict.fromkeys(PLACES, STORAGE)}


def _unary(op: str) -> Operation:
    def translate(b: GraphBuilder, call: Call) -> Value:
        return b.like(call.value(b), op)

    return operation(translate, "self")


def _same(b: GraphBuilder, call: Call) -> Any:
    return call.value(b)


def _reshape(size: str, **only: tuple[Any, ...]) -> Operation:
    return operation(
        lambda b, call: reshapes.reshape(b, call.value(b), call[size]),
        f"self {size}",
        only=only,
    )


def _shuffle(b: GraphBuilder, call: Call) -> Value:
    return reshapes.shuffle(b, call.value(b), call["groups"])


def _nothing(b: GraphBuilder, call: Call) -> None:
    return None


_ADD = operation(arithmetic.add, "self other alpha")
_CAT = operation(channels.cat, "tensors dim")
_CLAMP = operation(arithmetic.clip, "self min max")
_CONV = operation(layers.conv, "input weight bias stride padding dilation groups")
_COPY = operation(_same, "self", ignored={"memory_format": STORAGE})
_DIV = operation(arithmetic.div, "self other rounding_mode")
_DROPOUT = operation(
    _same,
    "input",
    only={"train": (False,)},
    ignored={"p": "nothing is dropped in eval mode"},
)
_MEAN = operation(reductions.mean, "self dim keepdim", only={"dtype": (None,)})
_NORM = operation(
    layers.batch_norm,
    "input weight bias running_mean running_var eps training",
    ignored={"momentum": TRAINING, "cudnn_enabled": STORAGE},
)
_MAX_POOL = operation(
    pools.pool("max", 2), "self kernel_size stride padding dilation ceil_mode"
)
_SQUEEZE = operation(
    lambda b, call: reshapes.squeeze(
        b,
        call.value(b),
        [call["dim"]] if isinstance(call.get("dim"), int) else call.get("dim"),
    ),
    "self dim",
)
_RANGE = "self dim start end step"
_ADAPTIVE = operation(pools.adaptive("mean", 2), "self output_size")

_TURNED = operation(
    layers.conv_transpose,
    "input weight bias stride padding output_padding groups dilation",
)

TRANSLATIONS: Mapping[str, Operation] = {
    **ARRAYS,
    "conv1d": _CONV,
    "conv2d": _CONV,
    "conv3d": _CONV,
    "conv_transpose1d": _TURNED,
    "conv_transpose2d": _TURNED,
    "convolution": operation(
        layers.convolution,
        "input weight bias stride padding dilation transposed output_padding groups",
    ),
    "linear": operation(layers.linear, "input weight bias"),
    "winograd_conv2d": operation(winograd_op.translate, "x weight bias m padding relu"),
    "batch_norm": _NORM,
    "_native_batch_norm_legit_no_training": operation(
        layers.batch_norm_first,
        "input weight bias running_mean running_var eps",
        ignored={"momentum": TRAINING},
    ),
    "relu": _unary("relu"),
    "relu6": operation(arithmetic.relu6, "self"),
    "hardtanh": operation(arithmetic.clip, "self min_val max_val"),
    "clamp": _CLAMP,
    "clip": _CLAMP,
    "clamp_min": operation(arithmetic.clip, "self min"),
    "clamp_max": operation(arithmetic.clip, "self max"),
    "hardswish": _unary("hardswish"),
    "hardsigmoid": _unary("hardsigmoid"),
    **{
        kind: _unary(kind) for kind in ("silu", "sigmoid", "mish", "tanh", "exp", "erf")
    },
    "add": _ADD,
    "sub": operation(arithmetic.sub, "self other alpha"),
    "subtract": operation(arithmetic.sub, "self other alpha"),
    "rsub": operation(arithmetic.rsub, "self other alpha"),
    "mul": operation(arithmetic.mul, "self other"),
    "multiply": operation(arithmetic.mul, "self other"),
    "div": _DIV,
    "divide": _DIV,
    "cat": _CAT,
    "concat": _CAT,
    "concatenate": _CAT,
    "split": operation(channels.split, "self split_size split_sizes dim"),
    "split_with_sizes": operation(channels.split, "self split_sizes dim"),
    "chunk": operation(channels.chunk, "self chunks dim"),
    "slice": operation(channels.cut, _RANGE),
    "narrow": operation(channels.narrow, "self dim start length"),
    "slice_scatter": operation(channels.cut_written, f"{_RANGE} src"),
    "copy": operation(channels.written, "self src", ignored={"non_blocking": STORAGE}),
    "max_pool2d": _MAX_POOL,
    "max_pool2d_with_indices": operation(
        pools.first(_MAX_POOL.translate), " ".join(_MAX_POOL.read)
    ),
    "avg_pool2d": operation(
        pools.pool("mean", 2),
        "self kernel_size stride padding ceil_mode count_include_pad divisor_override",
    ),
    "adaptive_avg_pool2d": _ADAPTIVE,
    "_adaptive_avg_pool2d": _ADAPTIVE,
    "mean": _MEAN,
    "view": _reshape("size", dtype=(None,)),
    "reshape": _reshape("shape"),
    "_unsafe_view": _reshape("size"),
    "transpose": operation(
        lambda b, call: reshapes.transpose(
            b, call.value(b), call["dim0"], call["dim1"]
        ),
        "self dim0 dim1",
    ),
    "permute": operation(
        lambda b, call: reshapes.permute(b, call.value(b), call["dims"]),
        "self dims",
    ),
    "channel_shuffle": operation(_shuffle, "self groups"),
    "native_channel_shuffle": operation(_shuffle, "self groups"),
    "flatten": operation(
        lambda b, call: reshapes.flatten(
            b, call.value(b), call["start_dim"], call["end_dim"]
        ),
        "self start_dim end_dim",
    ),
    "squeeze": _SQUEEZE,
    "dropout": _DROPOUT,
    "feature_dropout": _DROPOUT,
    "contiguous": _COPY,
    "clone": _COPY,
    "alias": operation(_same, "self"),
    "detach": operation(_same, "self"),
    "lift_fresh_copy": operation(_same, "self"),
    "to": operation(
        arithmetic.converted,
        "self",
        ignored={**CAST, "other": CHECKED, "copy": STORAGE},
    ),
    "_to_copy": operation(arithmetic.converted, "self", ignored=CAST),
    "_assert_tensor_metadata": operation(
        _nothing,
        ignored=dict.fromkeys(
            ("a", "size", "stride", "dtype", "device", "layout"),
            "says what torch found while it traced",
        ),
    ),
}
