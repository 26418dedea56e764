"""What each activation computes, in NumPy."""

import numpy as np

from workbench.kernels.values.types import F32, Activation


def activate(values: F32, act: Activation) -> F32:
    """Return ``act(values)`` in float32; NaN stays NaN.

    Examples
    --------
    >>> activate(np.array([-1.0, 2.0], np.float32), Activation("relu")).tolist()
    [0.0, 2.0]
    """
    lo, hi = act.bounds
    result = np.minimum(np.maximum(values, np.float32(lo)), np.float32(hi))
    if act.kind in ("hardswish", "hardsigmoid"):
        gate = np.minimum(np.maximum(values + 3, 0), 6) / 6
        with np.errstate(invalid="ignore"):
            result = values * gate if act.kind == "hardswish" else gate
    if act.kind in ("silu", "sigmoid"):
        with np.errstate(over="ignore", invalid="ignore"):
            grown = 1 + np.exp(-values)
            result = (values if act.kind == "silu" else 1) / grown
    return np.asarray(result, dtype=np.float32)
