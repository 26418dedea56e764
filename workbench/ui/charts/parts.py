"""A large array looked at in parts, so that a picture of it needs no copy of it.

Belongs here: slices of the first axis. Does not belong here: what is counted.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

PART = 1 << 22
"""Weights looked at together: 16 MB of float32."""


def parts(
    weights: np.ndarray[Any, Any], mask: np.ndarray[Any, Any] | None, *, step: int = 0
) -> Iterator[tuple[slice, np.ndarray[Any, Any], np.ndarray[Any, Any] | None]]:
    """Give (rows, weights, mask) of a few filters at a time, as views.

    Parameters
    ----------
    weights : numpy.ndarray, shape (O, ...)
        Any layer.
    mask : numpy.ndarray or None
        bool of the same shape.
    step : int
        Filters a part; 0 takes as many as ``PART`` weights are.

    Examples
    --------
    >>> [rows for rows, _, _ in parts(np.zeros((5, 2)), None, step=2)]
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    filters = weights.shape[0]
    size = step or max(1, PART * filters // max(1, weights.size))
    for first in range(0, filters, size):
        rows = slice(first, min(first + size, filters))
        yield rows, weights[rows], None if mask is None else mask[rows]
