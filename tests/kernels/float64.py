"""What kernels are held against: convolution and activations in float64, NumPy alone.

Written for reading, one product a tap; test_float64.py holds them against torch. Kernel
tests thereby run wherever the kernels do, also where there is no torch to install.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np

from workbench.kernels import Activation


def convolve(
    image: np.ndarray,
    weights: np.ndarray,
    bias: np.ndarray,
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
) -> np.ndarray:
    """Return the sums, float64 (O, H, W), of a padded image (C, H, W)."""
    image, weights = image.astype(np.float64), weights.astype(np.float64)
    o, c, *kernel = weights.shape
    h, w = (
        (size - step * (length - 1) - 1) // pace + 1
        for size, step, length, pace in zip(
            image.shape[1:], dilation, kernel, stride, strict=True
        )
    )
    sums = np.zeros((groups, o // groups, h * w))
    for i, j in np.ndindex(*kernel):
        y, x = i * dilation[0], j * dilation[1]
        seen = image[:, y :: stride[0], x :: stride[1]][:, :h, :w]
        taps = weights[:, :, i, j].reshape(groups, -1, c)
        sums += taps @ seen.reshape(groups, c, -1)
    return sums.reshape(o, h, w) + bias.astype(np.float64)[:, None, None]


def activate(values: np.ndarray, act: Activation) -> np.ndarray:
    """Return what an activation makes of values; a NaN stays a NaN."""
    with np.errstate(over="ignore", invalid="ignore"):
        if act.kind == "none":
            return values
        if act.kind == "relu":
            return np.maximum(values, 0)
        if act.kind == "clip":
            return np.clip(values, act.lo, act.hi)
        return CURVES[act.kind](values, act.alpha)


_erf = np.vectorize(math.erf, otypes=[float])
_erfc = np.vectorize(math.erfc, otypes=[float])


def _normal(x: np.ndarray) -> np.ndarray:
    """The share of the normal distribution that is below x."""
    return 0.5 * _erfc(-x / math.sqrt(2))


def _gelu_tanh(x: np.ndarray) -> np.ndarray:
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    return x / (1 + np.exp(-2 * inner))


CURVES: Mapping[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "hardswish": lambda x, alpha: x * (np.clip(x + 3, 0, 6) / 6),
    "hardsigmoid": lambda x, alpha: np.clip(x + 3, 0, 6) / 6,
    "silu": lambda x, alpha: x / (1 + np.exp(-x)),
    "sigmoid": lambda x, alpha: 1 / (1 + np.exp(-x)),
    "leaky_relu": lambda x, alpha: np.where(x > 0, x, alpha * x),
    "elu": lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x)),
    "exp": lambda x, alpha: np.exp(x),
    "tanh": lambda x, alpha: np.tanh(x),
    "erf": lambda x, alpha: _erf(x),
    "gelu": lambda x, alpha: x * _normal(x),
    "gelu_tanh": lambda x, alpha: _gelu_tanh(x),
    "softplus": lambda x, alpha: np.logaddexp(x, 0),
    "mish": lambda x, alpha: x * np.tanh(np.logaddexp(x, 0)),
}
