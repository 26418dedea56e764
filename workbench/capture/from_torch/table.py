"""Every torch operation that is read, with all of its arguments.

Belongs here: the table. Adding an operation = one line here and one function in
`aten_layers`, `aten_arithmetic`, `aten_channels` or `aten_shapes`. Names are those of
torch's schemas, of all overloads together. That the result is float32 and has the
shape that torch gives it is checked for every call (`torch_export`).
"""

from collections.abc import Mapping
from typing import Any

from workbench.capture import activations, reshapes
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_torch import arithmetic, channels, layers, winograd_op
from workbench.capture.from_torch.call import Call
from workbench.capture.operations import Operation, operation

STORAGE = "where and how numbers are stored"
CHECKED = "the type of every result is checked"
TRAINING = "of use while training only"
PLACES = ("layout", "device", "pin_memory", "non_blocking", "memory_format")
CAST = {"dtype": CHECKED, **dict.fromkeys(PLACES, STORAGE)}


def _unary(op: str) -> Operation:
    def translate(b: GraphBuilder, call: Call) -> Value:
        return b.add(op, [call.value(b)])

    return operation(translate, "self")


def _same(b: GraphBuilder, call: Call) -> Any:
    x = next(iter(call.given.values()))
    return x if isinstance(x, reshapes.Pending) else call.value(b)


def _reshape(size: str, **only: tuple[Any, ...]) -> Operation:
    return operation(
        lambda b, call: reshapes.reshape(b, call["self"], call[size]),
        f"self {size}",
        only=only,
    )


def _shuffle(b: GraphBuilder, call: Call) -> Value:
    return reshapes.shuffle(b, call.value(b), call["groups"])


def _prelu(b: GraphBuilder, call: Call) -> Value:
    x, weight = call.value(b), call.constant(b, "weight")
    assert weight is not None
    slopes = layers.array(weight)
    wide = slopes.reshape(-1, *(1,) * (len(x.shape) - 1)) if slopes.ndim else slopes
    return activations.prelu(b, call.name, x, wide)


def _nothing(b: GraphBuilder, call: Call) -> None:
    return None


SELU = (1.6732632423543772, 1.0507009873554805)
"""Its alpha and its scale, of which mean 0 and variance 1 are kept."""

_ADD = operation(arithmetic.add, "self other alpha")
_CAT = operation(channels.cat, "tensors dim")
_CLAMP = operation(layers.clip, "self min max")
_CONV = operation(layers.conv, "input weight bias stride padding dilation groups")
_COPY = operation(_same, "self", ignored={"memory_format": STORAGE})
_DIV = operation(arithmetic.div, "self other", only={"rounding_mode": (None,)})
_DROPOUT = operation(
    _same,
    "input",
    only={"train": (False,)},
    ignored={"p": "nothing is dropped in eval mode"},
)
_MEAN = operation(layers.mean, "self dim keepdim", only={"dtype": (None,)})
_NORM = operation(
    layers.batch_norm,
    "input weight bias running_mean running_var eps training",
    ignored={"momentum": TRAINING, "cudnn_enabled": STORAGE},
)
_POOL = "self kernel_size stride padding dilation ceil_mode"
_SQUEEZE = operation(
    lambda b, call: reshapes.squeeze(
        b,
        call.value(b),
        [call["dim"]] if isinstance(call.get("dim"), int) else call.get("dim"),
    ),
    "self dim",
)
_RANGE = "self dim start end step"

TRANSLATIONS: Mapping[str, Operation] = {
    "conv2d": _CONV,
    "linear": operation(layers.linear, "input weight bias"),
    "winograd_conv2d": operation(winograd_op.translate, "x weight bias m padding relu"),
    "batch_norm": _NORM,
    "_native_batch_norm_legit_no_training": operation(
        layers.batch_norm_first,
        "input weight bias running_mean running_var eps",
        ignored={"momentum": TRAINING},
    ),
    "relu": _unary("relu"),
    "relu6": operation(layers.relu6, "self"),
    "hardtanh": operation(layers.clip, "self min_val max_val"),
    "clamp": _CLAMP,
    "clip": _CLAMP,
    "clamp_min": operation(layers.clip, "self min"),
    "clamp_max": operation(layers.clip, "self max"),
    "hardswish": _unary("hardswish"),
    "hardsigmoid": _unary("hardsigmoid"),
    **{
        kind: _unary(kind) for kind in ("silu", "sigmoid", "mish", "tanh", "exp", "erf")
    },
    "gelu": operation(
        lambda b, call: activations.gelu(b, call.value(b), call["approximate"]),
        "self approximate",
    ),
    "leaky_relu": operation(
        lambda b, call: activations.leaky_relu(
            b, call.value(b), call["negative_slope"]
        ),
        "self negative_slope",
    ),
    "prelu": operation(_prelu, "self weight"),
    "elu": operation(
        lambda b, call: activations.elu(
            b,
            call.name,
            call.value(b),
            alpha=call["alpha"],
            scale=call["scale"],
            inner=call["input_scale"],
        ),
        "self alpha scale input_scale",
    ),
    "selu": operation(
        lambda b, call: activations.elu(
            b, call.name, call.value(b), alpha=SELU[0], scale=SELU[1]
        ),
        "self",
    ),
    "celu": operation(
        lambda b, call: activations.elu(
            b,
            call.name,
            call.value(b),
            alpha=call["alpha"],
            inner=1 / call["alpha"],
        ),
        "self alpha",
    ),
    "softplus": operation(
        lambda b, call: activations.softplus(
            b, call.value(b), call["beta"], call["threshold"]
        ),
        "self beta threshold",
    ),
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
    "max_pool2d": operation(layers.max_pool, _POOL),
    "max_pool2d_with_indices": operation(layers.max_pool_first, _POOL),
    "avg_pool2d": operation(
        layers.avg_pool,
        "self kernel_size stride padding ceil_mode count_include_pad",
        only={"divisor_override": (None,)},
    ),
    "adaptive_avg_pool2d": operation(layers.adaptive_avg_pool, "self output_size"),
    "_adaptive_avg_pool2d": operation(layers.adaptive_avg_pool, "self output_size"),
    "mean": _MEAN,
    "view": _reshape("size", dtype=(None,)),
    "reshape": _reshape("shape"),
    "_unsafe_view": _reshape("size"),
    "transpose": operation(
        lambda b, call: reshapes.transpose(b, call["self"], call["dim0"], call["dim1"]),
        "self dim0 dim1",
    ),
    "permute": operation(
        lambda b, call: reshapes.permute(b, call["self"], call["dims"]),
        "self dims",
    ),
    "channel_shuffle": operation(_shuffle, "self groups"),
    "native_channel_shuffle": operation(_shuffle, "self groups"),
    "flatten": operation(
        lambda b, call: reshapes.flatten(
            b, call["self"], call["start_dim"], call["end_dim"]
        ),
        "self start_dim end_dim",
    ),
    "squeeze": _SQUEEZE,
    "upsample_nearest2d": operation(
        layers.upsample,
        "input self output_size scale_factors scales_h scales_w",
    ),
    "dropout": _DROPOUT,
    "feature_dropout": _DROPOUT,
    "contiguous": _COPY,
    "clone": _COPY,
    "alias": operation(_same, "self"),
    "detach": operation(_same, "self"),
    "lift_fresh_copy": operation(_same, "self"),
    "to": operation(_same, "self", ignored={**CAST, "other": CHECKED, "copy": STORAGE}),
    "_to_copy": operation(_same, "self", ignored=CAST),
    "_assert_tensor_metadata": operation(
        _nothing,
        ignored=dict.fromkeys(
            ("a", "size", "stride", "dtype", "device", "layout"),
            "says what torch found while it traced",
        ),
    ),
}
