"""Changes of size as a matrix for each axis, for both importers.

Belongs here: which source pixels make one of the result, with which weights. Where in
the source it lies is for the importers to say.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def resize_matrix(
    mode: str, size: int, count: int, places: NDArray[Any], a: float = -0.75
) -> NDArray[np.float64]:
    """Return the weights of each pixel of the result, shape (count, size).

    Parameters
    ----------
    mode : str
        linear or cubic.
    size, count : int
        Pixels of the source and of the result.
    places : numpy.ndarray of float64, shape (count,)
        Where in the source the pixels lie; outside of it the edge is repeated.
    a : float
        Of the cubic kernel.

    Source
    ------
    Keys, "Cubic convolution interpolation for digital image processing" (1981).

    Examples
    --------
    >>> resize_matrix("linear", 2, 3, np.array([0, 0.5, 1])).tolist()
    [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
    """
    floor = np.floor(places).astype(np.int64)
    part = places - floor
    if mode == "linear":
        taps = {0: 1 - part, 1: part}
    else:
        taps = {
            -1: _far(1 + part, a),
            0: _near(part, a),
            1: _near(1 - part, a),
            2: _far(2 - part, a),
        }
    matrix = np.zeros((count, size))
    for shift, weight in taps.items():
        at = np.clip(floor + shift, 0, size - 1)
        np.add.at(matrix, (np.arange(count), at), weight)
    return matrix


def _near(x: NDArray[Any], a: float) -> NDArray[Any]:
    return np.asarray(((a + 2) * x - (a + 3)) * x * x + 1)


def _far(x: NDArray[Any], a: float) -> NDArray[Any]:
    return np.asarray(((x - 5) * x + 8) * a * x - 4 * a)


def smoothing_matrix(
    mode: str,
    size: int,
    places: NDArray[np.float64],
    *,
    a: float = -0.75,
    shrink: float = 1.0,
    inside: bool = False,
) -> NDArray[np.float64]:
    """Return the weights of each pixel of a result that is smoothed, (count, size).

    Parameters
    ----------
    mode : str
        linear or cubic.
    size : int
        Pixels of the source.
    places : numpy.ndarray of float64, shape (count,)
        Where in the source the pixels lie.
    a : float
        Of the cubic kernel.
    shrink : float
        Below one the kernel is as many times wider.
    inside : bool
        Whether pixels outside of the source are left out, rather than the edge
        repeated.
    """
    if shrink == 1 and not inside:
        return resize_matrix(mode, size, len(places), places, a)
    reach = (1 if mode == "linear" else 2) / shrink
    matrix = np.zeros((len(places), size))
    for row, place in zip(matrix, places, strict=True):
        taps = np.arange(np.floor(place - reach) + 1, np.ceil(place + reach))
        far = np.abs(taps - place) * shrink
        if mode == "linear":
            weights = np.maximum(1 - far, 0)
        else:
            weights = np.where(far <= 1, _near(far, a), _far(far, a))
        at = np.clip(taps, 0, size - 1).astype(np.int64)
        if inside:
            weights = np.where(at == taps, weights, 0)
        np.add.at(row, at, weights / weights.sum())
    return matrix
