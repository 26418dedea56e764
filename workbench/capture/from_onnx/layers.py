"""What ONNX's layers with weights become in the engine's graph.

Belongs here: matrix products and norms. Windows are in `windows`, moves of elements in
`moves`, arithmetic in `arithmetic`; which arguments each operation may have is declared
in `table`, before these run.
"""

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.capture import elementwise
from workbench.capture.arguments import Refused, refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_onnx.call import Call, is_computed
from workbench.capture.products import dense, product
from workbench.capture.reshapes import as_shape, transpose, whole

Array = NDArray[Any]


def channels_first(b: GraphBuilder, call: Call, axes: int | None = None) -> Value:
    """Return a tensor (1, C, ...), with so many axes of pixels."""
    x = call.input(0)
    full = x.full
    if len(full) < 2 or full[0] != 1 or axes not in (None, len(full) - 2):
        raise refuse(b, f"ONNX {call.name} over {full}")
    return as_shape(b, x, full, 0)


def gemm(b: GraphBuilder, call: Call) -> Value:
    """Translate a linear layer, its factors multiplied in."""
    left, right, bias = call.input(0), call.input(1), call.input(2)
    alpha = np.float32(call.attrs.get("alpha", 1.0))
    beta = np.float32(call.attrs.get("beta", 1.0))
    if call.attrs.get("transA", 0):
        left = _turned(b, call, left)
    if call.attrs.get("transB", 0):
        right = _turned(b, call, right)
    layer = is_computed(left) and not is_computed(right)
    if layer and len(left.full) == right.ndim == 2 and left.full[1] == right.shape[0]:
        plain = bias is None or (
            not is_computed(bias)
            and bias.size in (1, right.shape[1])
            and bias.shape[:-1] in ((), (1,))
        )
        if plain and left.batch != 1:
            size = (right.shape[1],)
            shift = np.zeros(size, np.float32) if bias is None else bias * beta
            shift = np.broadcast_to(np.reshape(shift, -1), size)
            scaled = right if alpha == 1 else right * alpha
            return dense(b, left, scaled.T, shift)
    made = _product(b, call, left, right)
    if alpha != 1:
        made = elementwise.affine(b, call.name, made, float(alpha), 0)
    if bias is None or beta == 0:
        return made
    if not is_computed(bias):
        bias = bias * beta
    elif beta != 1:
        bias = elementwise.affine(b, call.name, bias, float(beta), 0)
    return elementwise.total(b, call.name, made, bias)


def _turned(b: GraphBuilder, call: Call, side: Any) -> Any:
    return transpose(b, side, 0, 1) if is_computed(side) else side.T


def matmul(b: GraphBuilder, call: Call) -> Value:
    """Translate a matrix product, or one axis of an adaptive average."""
    left, right = call.input(0), call.input(1)
    if is_computed(left) != is_computed(right):
        x, matrix = (left, right) if is_computed(left) else (right, left)
        if len(x.shape) == 3 and x.batch == 0 and np.ndim(matrix) == 2:
            axis, means = (2, matrix.T) if x is left else (1, matrix)
            if means.shape[1] == x.shape[axis] and _averages(means):
                size = [*x.shape[1:]]
                size[axis - 1] = len(means)
                return b.add("adaptive_avg_pool", [x], attrs={"size": tuple(size)})
    return _product(b, call, left, right)


def _product(b: GraphBuilder, call: Call, left: Any, right: Any) -> Value:
    ranks = [len(s.full) if is_computed(s) else np.ndim(s) for s in (left, right)]
    if not all(ranks):
        raise refuse(b, f"ONNX {call.name} of a single number")
    ends = ((left, ranks[0] - 1), (right, max(ranks[1] - 2, 0)))
    for side, axis in ends:
        if is_computed(side) and side.batch == axis and call.batch != 1:
            raise Refused(f"ONNX {call.name} that adds up images", b.where)
    return product(b, left, right)


def _averages(matrix: Array) -> bool:
    """Say whether rows are the means of an adaptive pool's windows."""
    windows, size = matrix.shape
    if not windows or not size:
        return False
    index = np.arange(windows)[:, None]
    start, stop = index * size // windows, -(-(index + 1) * size // windows)
    column = np.arange(size)
    means = ((column >= start) & (column < stop)) / (stop - start)
    return bool(np.allclose(matrix, means, rtol=1e-6, atol=0))


def batch_norm(b: GraphBuilder, call: Call) -> Value:
    """Translate batch norm with known statistics into scale and shift."""
    old_training = call.opset < 7 and not call.attrs.get("is_test", 0)
    if old_training or call.attrs.get("training_mode", 0):
        raise Refused(
            "ONNX BatchNormalization in training mode (training_mode=1)", b.where
        )
    x = channels_first(b, call)
    gamma, beta, mean, var = (np.asarray(a, np.float64) for a in call.inputs[1:5])
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = gamma / np.sqrt(var + call.attrs.get("epsilon", 1e-5))
    params = {"scale": scale, "shift": beta - mean * scale}
    if len(x.shape) in (1, 3):
        return b.like(x, "batchnorm", params=params)
    flat = as_shape(b, x, (1, x.shape[0], 1, prod(x.shape[1:])), 0)
    return as_shape(b, b.like(flat, "batchnorm", params=params), x.full, 0)


def layer_norm(b: GraphBuilder, call: Call) -> Value:
    """Translate a norm over the last axes; with RMS in its name, one about zero."""
    x, rank = call.input(0), len(call.input(0).full)
    axis = int(call.attrs.get("axis", -1)) % max(rank, 1)
    if x.batch is not None and x.batch >= axis:
        if call.batch != 1:
            raise Refused(f"ONNX {call.name} over the batch (axis={axis})", b.where)
        x = whole(b, x)
    own = len(x.shape) - (rank - axis)
    attrs = {
        "axes": tuple(range(own, len(x.shape))),
        "eps": float(call.attrs.get("epsilon", 1e-5)),
        "centre": not call.name.startswith("RMS"),
    }
    return b.like(x, "layernorm", attrs=attrs, params=_scales(call))


def _scales(call: Call) -> dict[str, Array]:
    given = {"scale": call.input(1), "shift": call.input(2)}
    return {name: array for name, array in given.items() if array is not None}


def group_norm(b: GraphBuilder, call: Call) -> Value:
    """Translate a norm over groups of channels."""
    x, groups = channels_first(b, call), int(call.attrs["num_groups"])
    params = _scales(call)
    if call.opset < 21:
        # One scale a group, of channels / groups channels each.
        each = x.shape[0] // max(groups, 1)
        params = {name: array.repeat(each) for name, array in params.items()}
    attrs = {"groups": groups, "eps": float(call.attrs.get("epsilon", 1e-5))}
    return b.like(x, "groupnorm", attrs=attrs, params=params)


def instance_norm(b: GraphBuilder, call: Call) -> Value:
    """Translate a norm over the pixels of each channel."""
    x = channels_first(b, call)
    attrs = {"groups": x.shape[0], "eps": float(call.attrs.get("epsilon", 1e-5))}
    return b.like(x, "groupnorm", attrs=attrs, params=_scales(call))


def lrn(b: GraphBuilder, call: Call) -> Value:
    """Translate channels over a power of their neighbours' squares."""
    attrs = {
        "size": int(call.attrs["size"]),
        "alpha": float(call.attrs.get("alpha", 1e-4)),
        "beta": float(call.attrs.get("beta", 0.75)),
        "k": float(call.attrs.get("bias", 1.0)),
        "late": True,
    }
    return b.like(channels_first(b, call), "lrn", attrs=attrs)


def dropout(b: GraphBuilder, call: Call) -> Any:
    """Translate a dropout that is off."""
    mode = call.input(2)
    if mode is not None and np.any(mode):
        raise Refused("ONNX Dropout in training mode (training_mode=1)", b.where)
    if call.opset < 7 and not call.attrs.get("is_test", 0):
        raise Refused("ONNX Dropout in training mode (is_test=0)", b.where)
    return [call.input(0), None]


def same(b: GraphBuilder, call: Call) -> Any:
    """Translate what passes its input on."""
    return replace(call.input(0))
