"""What each activation computes, in NumPy."""

from collections.abc import Callable, Mapping
from math import erf, erfc, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.kernels.values.types import F32, Activation

Values = NDArray[np.floating[Any]]

_erf = np.frompyfunc(erf, 1, 1)
_erfc = np.frompyfunc(erfc, 1, 1)


def _sigmoid(x: Values) -> Values:
    return np.asarray(1 / (1 + np.exp(-x)))


def _gate(x: Values) -> Values:
    return np.asarray(np.minimum(np.maximum(x + 3, 0), 6) / 6)


def _whole_erf(x: Values) -> Values:
    return np.asarray(_erf(x.astype(np.float64)), np.float64)


def _gelu(x: Values) -> Values:
    below = _erfc(-x.astype(np.float64) / sqrt(2))
    return np.asarray(x * 0.5 * np.asarray(below, np.float64))


def _gelu_tanh(x: Values) -> Values:
    return np.asarray(x / (1 + np.exp(-sqrt(8 / np.pi) * (x + 0.044715 * x**3))))


def _softplus(x: Values) -> Values:
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


CURVES: Mapping[str, Callable[[Values, float], Values]] = {
    "hardswish": lambda x, alpha: x * _gate(x),
    "hardsigmoid": lambda x, alpha: _gate(x),
    "silu": lambda x, alpha: x / (1 + np.exp(-x)),
    "sigmoid": lambda x, alpha: _sigmoid(x),
    "leaky_relu": lambda x, alpha: np.maximum(x, 0) + alpha * np.minimum(x, 0),
    "elu": lambda x, alpha: np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0)),
    "exp": lambda x, alpha: np.exp(x),
    "tanh": lambda x, alpha: np.tanh(x),
    "erf": lambda x, alpha: _whole_erf(x),
    "gelu": lambda x, alpha: _gelu(x),
    "gelu_tanh": lambda x, alpha: _gelu_tanh(x),
    "softplus": lambda x, alpha: _softplus(x),
    "mish": lambda x, alpha: x * np.tanh(_softplus(x)),
}


def activate(values: F32, act: Activation) -> F32:
    """Return ``act(values)`` in float32; NaN stays NaN.

    Examples
    --------
    >>> activate(np.array([-1.0, 2.0], np.float32), Activation("relu")).tolist()
    [0.0, 2.0]
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return np.asarray(activated(values, act), dtype=np.float32)


def activated(values: NDArray[Any], act: Activation) -> NDArray[Any]:
    """Return ``act(values)`` in the type of the values, or in float64."""
    if act.curved:
        return CURVES[act.kind](values, act.alpha)
    lo, hi = (values.dtype.type(bound) for bound in act.bounds)
    return np.asarray(np.minimum(np.maximum(values, lo), hi))
