"""Pooling over windows of one, two or three axes.

Belongs here: maxima and means with dilation, padding of any width and divisors of any
kind. The compiled pools do the usual ones over images.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Attrs = Mapping[str, Any]
Params = Mapping[str, Array]


def window_pool(inputs: Sequence[Array], attrs: Attrs, params: Params) -> Array:
    """Return the maximum or mean of each window.

    A last window may reach beyond the padding; what lies there counts for no mean.
    """
    x, size = inputs[0], tuple(attrs["size"])
    n, kernel, stride = x.ndim - 1, attrs["kernel"], attrs["stride"]
    dilation, pads = attrs["dilation"], attrs["padding"]
    maximum = attrs["kind"] == "max"
    frame = [(0, 0)]
    for i in range(n):
        end = (size[i] - 1) * stride[i] + (kernel[i] - 1) * dilation[i] + 1
        frame.append((pads[i], max(end - pads[i] - x.shape[1 + i], 0)))
    empty = -np.inf if maximum else 0.0
    padded = np.pad(x, frame, constant_values=empty)
    power = np.float32(attrs.get("power", 1.0))
    if attrs["kind"] == "lp":
        padded = np.abs(padded) ** power
    made: Any = None
    for place in product(*map(range, kernel)):
        taps = padded[
            (
                slice(None),
                *(
                    slice(
                        p * dilation[i],
                        p * dilation[i] + (size[i] - 1) * stride[i] + 1,
                        stride[i],
                    )
                    for i, p in enumerate(place)
                ),
            )
        ]
        if made is None:
            made = taps.copy()
        elif maximum:
            np.maximum(made, taps, out=made)
        else:
            made += taps
    if attrs["kind"] == "mean":
        made = made / _counts(x.shape[1:], size, attrs)
    elif attrs["kind"] == "lp":
        made = made ** (1 / power)
    return np.asarray(made, np.float32)


def _counts(shape: Sequence[int], size: Sequence[int], attrs: Attrs) -> Any:
    """Return by what each sum is divided."""
    kernel, n = attrs["kernel"], len(shape)
    if "divisor" in attrs:
        return np.float32(attrs["divisor"])
    total: Any = np.float32(1)
    for i in range(n):
        pad, after = attrs["padding"][i], attrs["padding"][n + i]
        low, high = 0, shape[i]
        if attrs.get("count_include_pad", True):
            low, high = -pad, shape[i] + after
        starts = np.arange(size[i]) * attrs["stride"][i] - pad
        taps = starts[:, None] + np.arange(kernel[i]) * attrs["dilation"][i]
        inside = ((taps >= low) & (taps < high)).sum(1).astype(np.float32)
        total = total * inside.reshape((-1,) + (1,) * (n - 1 - i))
    return np.maximum(total, 1.0) if prod(size) else total
