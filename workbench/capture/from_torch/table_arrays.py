"""Torch operations on tensors of any rank, with all of their arguments.

Belongs here: the second half of the table, in the same form as `table`.
"""

from collections.abc import Mapping

from workbench.capture import reshapes
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_torch import (
    arithmetic,
    channels,
    layers,
    pools,
    products,
    reductions,
    spreads,
)
from workbench.capture.from_torch.call import Call
from workbench.capture.operations import Operation, operation

STORAGE = "where and how numbers are stored"
MADE = {
    **dict.fromkeys(("layout", "device", "pin_memory", "memory_format"), STORAGE),
    "dtype": "the type of every result is checked",
}

_SAME = ("abs", "neg", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt")
_MORE = ("rsqrt", "reciprocal", "square", "sin", "cos", "tan", "floor", "ceil")
_TANH = ("trunc", "sign", "asin", "acos", "atan", "sinh", "cosh")
_PAIRS = {
    "maximum": "maximum",
    "minimum": "minimum",
    "eq": "eq",
    "ne": "ne",
    "lt": "lt",
    "le": "le",
    "gt": "gt",
    "ge": "ge",
    "logical_and": "and",
    "logical_or": "or",
    "logical_xor": "xor",
    "floor_divide": "floor_div",
    "remainder": "remainder",
    "fmod": "fmod",
    "atan2": "atan2",
}
_RANGE = "self dim keepdim"
_SIZES = "self output_size input scale_factors"
_NORMS = "input weight bias eps"


def _only(name: str) -> Mapping[str, tuple[None]]:
    return {name: (None,)}


def _pair(kind: str) -> Operation:
    # `a` and `b` are of overloads for Python's own numbers.
    ignored = dict.fromkeys(("a", "b"), "of numbers") if kind in ("eq", "ne") else {}
    return operation(arithmetic.binary(kind), "self other", ignored=ignored)


def _moved(b: GraphBuilder, call: Call) -> Value:
    return reshapes.transpose(b, call.value(b), call["axis0"], call["axis1"])


def _transposed(b: GraphBuilder, call: Call) -> Value:
    x = call.value(b)
    return x if len(x.full) < 2 else reshapes.transpose(b, x, 0, 1)


def _unsqueezed(b: GraphBuilder, call: Call) -> Value:
    return reshapes.unsqueeze(b, call.value(b), int(call["dim"]))


def _unflattened(b: GraphBuilder, call: Call) -> Value:
    x = call.value(b)
    axis = int(call["dim"]) % len(x.full)
    sizes = [int(n) for n in call["sizes"]]
    return reshapes.reshape(b, x, [*x.full[:axis], *sizes, *x.full[axis + 1 :]])


def _shaped_as(b: GraphBuilder, call: Call) -> Value:
    other = call["other"]
    full = other.full if isinstance(other, Value) else tuple(other.shape)
    return reshapes.reshape(b, call.value(b), full)


def _movedim(b: GraphBuilder, call: Call) -> Value:
    x = call.value(b)
    rank = len(x.full)
    ends = [call["source"], call["destination"]]
    source, target = ([e] if isinstance(e, int) else list(e) for e in ends)
    places = {int(t) % rank: int(s) % rank for s, t in zip(source, target, strict=True)}
    rest = iter(a for a in range(rank) if a not in places.values())
    order = [places[i] if i in places else next(rest) for i in range(rank)]
    return reshapes.permute(b, x, order)


def _upsample(mode: str, axes: int, *more: str) -> Operation:
    scales = ["scales"] if axes == 1 else [f"scales_{a}" for a in "dhw"[-axes:]]
    return operation(pools.upsample(mode, axes), " ".join((_SIZES, *scales, *more)))


def _pool(kind: str, axes: int, *more: str) -> Operation:
    names = "self kernel_size stride padding ceil_mode"
    return operation(pools.pool(kind, axes), " ".join((names, *more)))


_REFLECT = operation(spreads.padded, "self padding")
_ALIGN = "align_corners"

ARRAYS: Mapping[str, Operation] = {
    **{
        name: operation(arithmetic.unary(name), "self")
        for name in (*_SAME, *_MORE, *_TANH)
    },
    "round": operation(arithmetic.unary("round"), "self", only={"decimals": (None, 0)}),
    "logical_not": operation(arithmetic.unary("not"), "self"),
    **{name: _pair(kind) for name, kind in _PAIRS.items()},
    "pow": operation(arithmetic.power, "self exponent"),
    "true_divide": operation(arithmetic.div, "self other"),
    "where": operation(arithmetic.where, "condition self other"),
    "masked_fill": operation(arithmetic.masked_fill, "self mask value"),
    "gelu": operation(arithmetic.gelu, "self approximate"),
    "elu": operation(arithmetic.elu, "self alpha scale input_scale"),
    "selu": operation(arithmetic.elu, "self"),
    "celu": operation(arithmetic.elu, "self alpha"),
    "leaky_relu": operation(arithmetic.leaky, "self negative_slope"),
    "prelu": operation(arithmetic.prelu, "self weight"),
    "softplus": operation(arithmetic.softplus, "self beta threshold"),
    "log_sigmoid": operation(arithmetic.log_sigmoid, "self"),
    "threshold": operation(arithmetic.threshold, "self threshold value"),
    "softmax": operation(reductions.softmax(False), "self dim", only=_only("dtype")),
    "log_softmax": operation(reductions.softmax(True), "self dim", only=_only("dtype")),
    "sum": operation(reductions.reduction("sum"), _RANGE, only=_only("dtype")),
    "prod": operation(reductions.reduction("prod"), _RANGE, only=_only("dtype")),
    "amax": operation(reductions.reduction("max"), _RANGE),
    "amin": operation(reductions.reduction("min"), _RANGE),
    "any": operation(reductions.reduction("any"), _RANGE),
    "all": operation(reductions.reduction("all"), _RANGE),
    "logsumexp": operation(reductions.reduction("logsumexp"), _RANGE),
    "max": operation(reductions.extreme("max"), f"{_RANGE} other"),
    "min": operation(reductions.extreme("min"), f"{_RANGE} other"),
    "argmax": operation(reductions.pointer("argmax"), _RANGE),
    "argmin": operation(reductions.pointer("argmin"), _RANGE),
    "var": operation(reductions.variance("var"), f"{_RANGE} unbiased correction"),
    "std": operation(reductions.variance("std"), f"{_RANGE} unbiased correction"),
    "var_mean": operation(
        reductions.variance_and_mean("var"), f"{_RANGE} unbiased correction"
    ),
    "std_mean": operation(
        reductions.variance_and_mean("std"), f"{_RANGE} unbiased correction"
    ),
    "norm": operation(reductions.norm, f"{_RANGE} p", only=_only("dtype")),
    "linalg_vector_norm": operation(
        reductions.norm, f"{_RANGE} ord", only=_only("dtype")
    ),
    "cumsum": operation(reductions.cumsum, "self dim", only=_only("dtype")),
    "layer_norm": operation(
        layers.layer_norm,
        f"{_NORMS} normalized_shape",
        ignored={"cudnn_enable": STORAGE},
    ),
    "native_layer_norm": operation(
        layers.layer_norm_first, f"{_NORMS} normalized_shape"
    ),
    "rms_norm": operation(layers.layer_norm, "input weight eps normalized_shape"),
    "group_norm": operation(
        layers.group_norm, f"{_NORMS} num_groups", ignored={"cudnn_enabled": STORAGE}
    ),
    "native_group_norm": operation(
        layers.group_norm_first,
        f"{_NORMS} group",
        ignored=dict.fromkeys(("N", "C", "HxW"), "the tensor has them"),
    ),
    "instance_norm": operation(
        layers.instance_norm,
        f"{_NORMS} running_mean running_var use_input_stats",
        ignored={"momentum": "of use while training only", "cudnn_enabled": STORAGE},
    ),
    "matmul": operation(products.matmul, "self other"),
    "bmm": operation(products.matmul, "self mat2", only=_only("out_dtype")),
    "mm": operation(products.matmul, "self mat2", only=_only("out_dtype")),
    "scaled_dot_product_attention": operation(
        products.attention,
        "query key value attn_mask dropout_p is_causal scale enable_gqa",
    ),
    "unbind": operation(channels.unbind, "self dim"),
    "select": operation(channels.select, "self dim index"),
    "stack": operation(channels.stack, "tensors dim"),
    "index": operation(channels.index, "self indices", ignored={"el": "of numbers"}),
    "index_select": operation(channels.index_select, "self dim index"),
    "flip": operation(channels.flip, "self dims"),
    "roll": operation(channels.roll, "self shifts dims"),
    "unsqueeze": operation(_unsqueezed, "self dim"),
    "unflatten": operation(_unflattened, "self dim sizes"),
    "view_as": operation(_shaped_as, "self other"),
    "reshape_as": operation(_shaped_as, "self other"),
    "swapaxes": operation(_moved, "self axis0 axis1"),
    "movedim": operation(_movedim, "self source destination"),
    "t": operation(_transposed, "self"),
    "numpy_T": operation(
        lambda b, call: reshapes.permute(
            b, call.value(b), range(len(call.value(b).full))[::-1]
        ),
        "self",
    ),
    "expand": operation(
        spreads.expanded, "self size", ignored={"implicit": "says who asked"}
    ),
    "expand_as": operation(spreads.expanded_as, "self other"),
    "repeat": operation(spreads.repeat, "self repeats"),
    "tile": operation(spreads.repeat, "self dims"),
    "repeat_interleave": operation(
        spreads.repeat_interleave,
        "self repeats dim",
        ignored={"output_size": "the number of repeats says it"},
    ),
    "pad": operation(spreads.padded, "self pad mode value"),
    "constant_pad_nd": operation(spreads.padded, "self pad value"),
    **{
        f"{mode}_pad{axes}d": _REFLECT
        for mode in ("reflection", "replication")
        for axes in (1, 2, 3)
    },
    "pixel_shuffle": operation(spreads.pixel_shuffle, "self upscale_factor"),
    "pixel_unshuffle": operation(spreads.pixel_unshuffle, "self downscale_factor"),
    "avg_pool1d": _pool("mean", 1, "count_include_pad"),
    "avg_pool3d": _pool("mean", 3, "count_include_pad divisor_override"),
    "max_pool1d": _pool("max", 1, "dilation"),
    "max_pool3d": _pool("max", 3, "dilation"),
    "adaptive_avg_pool1d": operation(pools.adaptive("mean", 1), "self output_size"),
    "adaptive_avg_pool3d": operation(pools.adaptive("mean", 3), "self output_size"),
    **{
        f"adaptive_max_pool{axes}d": operation(
            pools.first(pools.adaptive("max", axes)), "self output_size"
        )
        for axes in (1, 2, 3)
    },
    "upsample_nearest1d": _upsample("nearest", 1),
    "upsample_nearest2d": _upsample("nearest", 2),
    "upsample_nearest3d": _upsample("nearest", 3),
    "_upsample_nearest_exact1d": _upsample("nearest-exact", 1),
    "_upsample_nearest_exact2d": _upsample("nearest-exact", 2),
    "upsample_linear1d": _upsample("linear", 1, _ALIGN),
    "upsample_bilinear2d": _upsample("linear", 2, _ALIGN),
    "upsample_trilinear3d": _upsample("linear", 3, _ALIGN),
    "upsample_bicubic2d": _upsample("cubic", 2, _ALIGN),
    "zeros_like": operation(spreads.constant_like(0.0), "self", ignored=MADE),
    "ones_like": operation(spreads.constant_like(1.0), "self", ignored=MADE),
    "full_like": operation(
        spreads.constant_like(None), "self fill_value", ignored=MADE
    ),
}
