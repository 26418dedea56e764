"""What kernels are held against: convolution and activations in float64, NumPy alone.

Written for reading, one product a tap; test_float64.py holds them against torch. Kernel
tests thereby run wherever the kernels do, also where there is no torch to install.
"""

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
        if act.kind in ("sigmoid", "silu"):
            above = 1 if act.kind == "sigmoid" else values
            return above / (1 + np.exp(-values))
        gate = np.clip(values + 3, 0, 6) / 6
        return gate if act.kind == "hardsigmoid" else values * gate
