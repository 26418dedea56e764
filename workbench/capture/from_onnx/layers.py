"""What ONNX's layers, activations and arithmetic become in the engine's graph.

Belongs here: one small function per operation that works element by element or as a
matrix product. Windows are in `onnx_windows`, moves of elements in `onnx_shapes`; which
arguments each operation may have is declared in `onnx_table`, before these run.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from workbench.capture import activations
from workbench.capture.arguments import refuse
from workbench.capture.broadcast import per_channel
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_onnx.call import Call, Translation, is_computed

Array = NDArray[Any]


def _dense(b: GraphBuilder, x: Value, weight: Array, bias: Array | None) -> Value:
    if len(x.shape) != 1 or weight.ndim != 2:
        raise refuse(b, f"a matrix product of {x.shape} and {weight.shape}")
    if bias is None:
        bias = np.zeros(weight.shape[0], np.float32)
    bias = np.asarray(bias)
    if bias.size not in (1, weight.shape[0]) or bias.shape[:-1] not in ((), (1,)):
        raise refuse(b, f"a bias of shape {bias.shape} for {weight.shape[0]} outputs")
    bias = np.broadcast_to(bias.reshape(-1), (weight.shape[0],))
    return b.add("linear", [x], params={"weight": weight, "bias": bias})


def gemm(b: GraphBuilder, call: Call) -> Value:
    """Translate a linear layer, its factors multiplied in."""
    x, weight, bias = call.input(0), call.input(1), call.input(2)
    weight = weight if call.attrs.get("transB", 0) else weight.T
    if bias is not None:
        bias = bias * np.float32(call.attrs.get("beta", 1.0))
    return _dense(b, x, weight * np.float32(call.attrs.get("alpha", 1.0)), bias)


def matmul(b: GraphBuilder, call: Call) -> Value:
    """Translate a linear layer without bias, or one axis of an adaptive average."""
    left, right = call.input(0), call.input(1)
    if is_computed(left) and is_computed(right):
        raise refuse(b, "MatMul of two computed tensors")
    x, matrix = (left, right) if is_computed(left) else (right, left)
    if len(x.shape) == 3 and np.ndim(matrix) == 2:
        axis, means = (2, matrix.T) if x is left else (1, matrix)
        if means.shape[1] == x.shape[axis] and _averages(means):
            size = [*x.shape[1:]]
            size[axis - 1] = len(means)
            return b.add("adaptive_avg_pool", [x], attrs={"size": tuple(size)})
    if x is right:
        raise refuse(b, f"MatMul of a constant {np.shape(left)} and {x.shape}")
    return _dense(b, x, matrix.T, None)


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
    if call.opset < 7 and not call.attrs.get("is_test", 0):
        raise refuse(b, "ONNX BatchNormalization in training mode (is_test=0)")
    gamma, beta, mean, var = (np.asarray(a, np.float64) for a in call.inputs[1:5])
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = gamma / np.sqrt(var + call.attrs.get("epsilon", 1e-5))
    params = {"scale": scale, "shift": beta - mean * scale}
    return b.add("batchnorm", [call.input(0)], params=params)


def unary(op: str) -> Translation:
    """Return the translation of an operation of one tensor and no arguments."""

    def translate(b: GraphBuilder, call: Call) -> Value:
        return b.add(op, [call.input(0)])

    return translate


def clip(b: GraphBuilder, call: Call) -> Value:
    """Translate a clip; bounds may be numbers or tensors of one element."""
    low = _number(b, call, 1, "min", -np.inf)
    high = _number(b, call, 2, "max", np.inf)
    if (low, high) == (0.0, np.inf):
        return b.add("relu", [call.input(0)])
    # Where the bounds cross, the upper one wins.
    attrs = {"lo": min(low, high), "hi": high}
    return b.add("clip", [call.input(0)], attrs=attrs)


def _number(
    b: GraphBuilder, call: Call, index: int, name: str, default: float
) -> float:
    value = np.asarray(call.constant(index, name, default))
    if value.size != 1:
        raise refuse(b, f"a bound {name} of shape {value.shape}")
    return float(value.reshape(()))


def hardsigmoid(b: GraphBuilder, call: Call) -> Value:
    """Translate ``max(0, min(1, alpha x + beta))``."""
    alpha, beta = call.attrs.get("alpha", 0.2), call.attrs.get("beta", 0.5)
    x = call.input(0)
    if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5:
        return b.add("hardsigmoid", [x])
    scaled = _affine(b, x, np.float32(alpha), np.float32(beta))
    return b.add("clip", [scaled], attrs={"lo": 0.0, "hi": 1.0})


def gelu(b: GraphBuilder, call: Call) -> Value:
    """Translate both forms of GELU."""
    how = call.attrs.get("approximate", b"none")
    name = how.decode() if isinstance(how, bytes) else str(how)
    return activations.gelu(b, call.input(0), name)


def leaky_relu(b: GraphBuilder, call: Call) -> Value:
    """Translate a ReLU with a slope below zero."""
    return activations.leaky_relu(b, call.input(0), call.attrs.get("alpha", 0.01))


def prelu(b: GraphBuilder, call: Call) -> Value:
    """Translate a ReLU with a slope of its own for each channel."""
    return activations.prelu(b, b.where, call.input(0), call.input(1))


def elu(b: GraphBuilder, call: Call) -> Value:
    """Translate ``alpha (exp(x) - 1)`` below zero."""
    return activations.elu(
        b, b.where, call.input(0), alpha=call.attrs.get("alpha", 1.0)
    )


def selu(b: GraphBuilder, call: Call) -> Value:
    """Translate a scaled ELU."""
    alpha = call.attrs.get("alpha", 1.67326319217681884765625)
    gamma = call.attrs.get("gamma", 1.05070102214813232421875)
    return activations.elu(b, b.where, call.input(0), alpha=alpha, scale=gamma)


def celu(b: GraphBuilder, call: Call) -> Value:
    """Translate ``alpha (exp(x / alpha) - 1)`` below zero."""
    alpha = call.attrs.get("alpha", 1.0)
    return activations.elu(b, b.where, call.input(0), alpha=alpha, inner=1 / alpha)


def _affine(b: GraphBuilder, x: Value, scale: Any, shift: Any) -> Value:
    params = {
        "scale": per_channel(b, b.where, x.shape, np.asarray(scale)),
        "shift": per_channel(b, b.where, x.shape, np.asarray(shift)),
    }
    return b.add("batchnorm", [x], params=params)


def add(b: GraphBuilder, call: Call) -> Value:
    """Translate a sum of two tensors, or of one and a constant."""
    left, right = call.input(0), call.input(1)
    if is_computed(left) and is_computed(right):
        return b.add("add", [left, right])
    x, constant = (left, right) if is_computed(left) else (right, left)
    return _affine(b, x, np.float32(1), constant)


def total(b: GraphBuilder, call: Call) -> Any:
    """Translate a sum of any number of tensors, added from the first to the last."""
    result, *others = call.inputs
    for other in others:
        if not is_computed(result) and not is_computed(other):
            result = result + other
        else:
            result = add(b, replace(call, inputs=(result, other)))
    return result


def sub(b: GraphBuilder, call: Call) -> Value:
    """Translate a difference with a constant on either side."""
    left, right = call.input(0), call.input(1)
    if is_computed(left) and is_computed(right):
        raise refuse(b, "Sub of two computed tensors")
    if is_computed(left):
        return _affine(b, left, np.float32(1), -right)
    return _affine(b, right, np.float32(-1), left)


def mul(b: GraphBuilder, call: Call) -> Value:
    """Translate a product of two tensors, or of one and a constant."""
    left, right = call.input(0), call.input(1)
    if is_computed(left) and is_computed(right):
        if left.shape != right.shape and left.shape[1:] == (1, 1):
            left, right = right, left
        return b.add("mul", [left, right])
    x, constant = (left, right) if is_computed(left) else (right, left)
    return _affine(b, x, constant, np.float32(0))


def div(b: GraphBuilder, call: Call) -> Value:
    """Translate a division by a constant."""
    if is_computed(call.input(1)):
        raise refuse(b, "Div by a computed tensor")
    with np.errstate(divide="ignore"):
        factor = 1 / np.asarray(call.input(1), np.float64)
    return _affine(b, call.input(0), factor, np.float32(0))


def dropout(b: GraphBuilder, call: Call) -> Any:
    """Translate a dropout that is off."""
    mode = call.input(2)
    if mode is not None and np.any(mode):
        raise refuse(b, "ONNX Dropout in training mode (training_mode=1)")
    if call.opset < 7 and not call.attrs.get("is_test", 0):
        raise refuse(b, "ONNX Dropout in training mode (is_test=0)")
    return call.input(0)


def cast(b: GraphBuilder, call: Call) -> Any:
    """Translate a cast of float32 to itself."""
    if call.attrs["to"] != TensorProto.FLOAT:
        kinds = {number: name for name, number in TensorProto.DataType.items()}
        raise refuse(b, f"ONNX Cast to {kinds.get(call.attrs['to'], call.attrs['to'])}")
    return call.input(0)


def same(b: GraphBuilder, call: Call) -> Any:
    """Translate what passes its input on."""
    return call.input(0)
