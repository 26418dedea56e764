"""What ONNX's activations become in the engine's graph.

Belongs here: curves with numbers of their own.
"""

from dataclasses import replace

import numpy as np

from workbench.capture import activations, elementwise
from workbench.capture.arguments import refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_onnx.arithmetic import one_image
from workbench.capture.from_onnx.call import Call, Translation
from workbench.engine.graph.graph import UncoveredOp


def unary(op: str) -> Translation:
    """Return the translation of an operation of one tensor and no arguments."""

    def translate(b: GraphBuilder, call: Call) -> Value:
        return b.like(call.input(0), op)

    return translate


def hardsigmoid(b: GraphBuilder, call: Call) -> Value:
    """Translate ``max(0, min(1, alpha x + beta))``."""
    alpha, beta = call.attrs.get("alpha", 0.2), call.attrs.get("beta", 0.5)
    x = call.input(0)
    if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5:
        return b.like(x, "hardsigmoid")
    scaled = elementwise.affine(b, call.name, x, float(alpha), float(beta))
    return b.like(scaled, "clip", attrs={"lo": 0.0, "hi": 1.0})


def _as(x: Value, made: Value) -> Value:
    """Return a tensor whose batch is where that of another is."""
    return replace(made, batch=x.batch)


def gelu(b: GraphBuilder, call: Call) -> Value:
    """Translate both forms of GELU."""
    x = call.input(0)
    return _as(x, activations.gelu(b, x, str(call.attrs.get("approximate", "none"))))


def leaky_relu(b: GraphBuilder, call: Call) -> Value:
    """Translate a ReLU with a slope below zero."""
    x = call.input(0)
    return _as(x, activations.leaky_relu(b, x, call.attrs.get("alpha", 0.01)))


def prelu(b: GraphBuilder, call: Call) -> Value:
    """Translate a ReLU with a slope of its own for each channel, or each element."""
    x, slope = call.input(0), np.asarray(call.input(1))
    if x.batch == 0 and len(x.shape) in (1, 3):
        try:
            return activations.prelu(b, b.where, x, slope)
        except UncoveredOp:
            pass
    rank = len(x.full)
    if slope.ndim > rank:
        raise refuse(b, f"PRelu of {x.full} with slopes {slope.shape}")
    if x.batch is not None:
        slope = slope.reshape((1,) * (rank - slope.ndim) + slope.shape)
        if slope.shape[x.batch] != 1:
            slope = one_image(b, call, slope, x.batch)
        slope = slope.squeeze(x.batch)
    return b.like(x, "prelu", params={"slope": slope})


def elu(b: GraphBuilder, call: Call) -> Value:
    """Translate ELU, SELU and CELU."""
    x, inner, scale = call.input(0), 1.0, 1.0
    if call.name == "Selu":
        alpha = call.attrs.get("alpha", 1.67326319217681884765625)
        scale = call.attrs.get("gamma", 1.05070102214813232421875)
    else:
        alpha = call.attrs.get("alpha", 1.0)
    if call.name == "Celu":
        inner = 1 / alpha
    numbers = {"alpha": alpha, "scale": scale, "inner": inner}
    return _as(x, activations.elu(b, b.where, x, **numbers))


def softsign(b: GraphBuilder, call: Call) -> Value:
    """Translate ``x / (1 + |x|)``."""
    x = call.input(0)
    size = b.like(x, "unary", attrs={"kind": "abs"})
    below = elementwise.affine(b, call.name, size, 1, 1)
    return elementwise.elementwise(b, "binary", (x, below), kind="div")


def thresholded(b: GraphBuilder, call: Call) -> Value:
    """Translate numbers above a threshold, zero for the rest."""
    x, alpha = call.input(0), float(call.attrs.get("alpha", 1.0))
    above = elementwise.elementwise(b, "binary", (x, alpha), kind="gt")
    return elementwise.elementwise(b, "where", (above, x, 0.0))
