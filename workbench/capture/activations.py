"""Activations with numbers of their own, the same for torch and ONNX.

Belongs here: what each becomes when the graph has no node that takes all of its
numbers. Knows neither torch nor ONNX.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.capture.arguments import refuse
from workbench.capture.broadcast import per_channel
from workbench.capture.builder import GraphBuilder, Value

LEAST_THRESHOLD = 15.0
"""Above it softplus is its argument to float32: log(1 + exp(-15)) is 3e-7."""


def leaky_relu(b: GraphBuilder, x: Value, slope: float) -> Value:
    """Return ``x`` above zero and ``slope * x`` below."""
    return b.add("leaky_relu", [x], attrs={"alpha": float(slope)})


def prelu(b: GraphBuilder, name: str, x: Value, slopes: NDArray[Any]) -> Value:
    """Return a leaky ReLU with one slope, or one a channel."""
    each = per_channel(b, name, x.shape, np.asarray(slopes))
    if np.all(each == each[0]):
        return leaky_relu(b, x, float(each[0]))
    below = b.add("clip", [x], attrs={"lo": -np.inf, "hi": 0.0})
    params = {"scale": each, "shift": np.zeros_like(each)}
    scaled = b.add("batchnorm", [below], params=params)
    return b.add("add", [scaled, b.add("relu", [x])])


def elu(
    b: GraphBuilder,
    name: str,
    x: Value,
    *,
    alpha: float = 1.0,
    scale: float = 1.0,
    inner: float = 1.0,
) -> Value:
    """Return ``scale * x`` above zero, ``scale * alpha * (exp(inner * x) - 1)`` below.

    With u = inner * x it is scale / inner times the ELU of u with alpha * inner.
    """
    if not inner > 0:
        raise refuse(b, f"{name} that scales its input by {inner:g}")
    bent = b.add("elu", [_scaled(b, x, inner)], attrs={"alpha": alpha * inner})
    return _scaled(b, bent, scale / inner)


def softplus(
    b: GraphBuilder, x: Value, beta: float = 1.0, threshold: float = LEAST_THRESHOLD
) -> Value:
    """Return ``log(1 + exp(beta * x)) / beta``, from a large threshold on ``x``."""
    if beta == 0 or threshold < LEAST_THRESHOLD:
        what = f"softplus with beta={beta:g} and threshold={threshold:g}"
        raise refuse(b, what)
    bent = b.add("softplus", [_scaled(b, x, beta)])
    return _scaled(b, bent, 1 / beta)


def gelu(b: GraphBuilder, x: Value, approximate: str) -> Value:
    """Return the exact GELU, or the one by tanh."""
    kinds = {"none": "gelu", "tanh": "gelu_tanh"}
    if approximate not in kinds:
        raise refuse(b, f"gelu with approximate={approximate!r}")
    return b.add(kinds[approximate], [x])


def _scaled(b: GraphBuilder, x: Value, factor: float) -> Value:
    if factor == 1:
        return x
    if len(x.shape) not in (1, 3):
        numbers = {"c1": np.array([factor], np.float32)}
        return b.add("binary", [x], attrs={"kind": "mul"}, params=numbers)
    size = x.shape[0]
    params = {"scale": np.full(size, factor), "shift": np.zeros(size)}
    return b.add("batchnorm", [x], params=params)
