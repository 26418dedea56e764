"""How far float32 Winograd is from exact convolution, and the gate on it.

Belongs here: a tile-wise simulation of the kernel's arithmetic in NumPy, and the
limit that the selector applies. Does not belong here: studies over many settings
(``workbench.analysis.algorithms.winograd``).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.engine.winograd.cook_toom import Transform

ERROR_LIMIT = 1e-4
"""Largest error, relative to the largest output, that the selector accepts."""

GATE_FILTERS = 4
GATE_TILES = 4
"""Enough to see the size of the error; selection asks for every layer and tile."""


@dataclass(frozen=True)
class WinogradError:
    """Errors of float32 Winograd against float64 direct convolution.

    Attributes
    ----------
    largest : float
        Largest absolute error over the largest absolute output.
    rms : float
        Root mean square error over root mean square output.
    """

    largest: float
    rms: float


def measure_error(
    weight: NDArray[np.float32],
    transform: Transform,
    *,
    tiles: int = 16,
    seed: int = 0,
) -> WinogradError:
    """Errors of F(m, r) on random rectified inputs and the filters given.

    Parameters
    ----------
    weight : numpy.ndarray of float32, shape (O, C, r, r)
        All are used: pass a slice for a quick answer.
    transform : Transform
    tiles : int
        Input tiles to try.
    seed : int
        Of the inputs: standard normal, negatives set to zero, as after a ReLU.
    """
    alpha, m, r = transform.alpha, transform.m, transform.r
    random = np.random.default_rng(seed)
    shape = (weight.shape[1], tiles, alpha, alpha)
    image = np.maximum(random.standard_normal(shape, dtype=np.float32), 0)
    got = _winograd(image, weight, transform).astype(np.float64)
    exact = np.zeros(got.shape)
    for y in range(r):
        for x in range(r):
            window = image[:, :, y : y + m, x : x + m].astype(np.float64)
            taps = weight[:, :, y, x].astype(np.float64)
            exact += np.tensordot(taps, window, axes=1)
    scale = np.abs(exact).max()
    if scale == 0:
        return WinogradError(0.0, 0.0)
    error = got - exact
    rms = np.sqrt(np.mean(error**2) / np.mean(exact**2))
    return WinogradError(float(np.abs(error).max() / scale), float(rms))


def gate(
    weight: NDArray[np.float32], transform: Transform, limit: float = ERROR_LIMIT
) -> str | None:
    """Why F(m, r) is too inexact for these weights, or None when it may run.

    The filters with the largest weights are tried: they lose most digits.

    Parameters
    ----------
    weight : numpy.ndarray of float32, shape (O, C, r, r)
    transform : Transform
    limit : float
        Largest error relative to the largest output.
    """
    filters = weight.reshape(len(weight), -1)
    largest = np.maximum(filters.max(axis=1), -filters.min(axis=1))
    order = np.argsort(largest)[::-1][:GATE_FILTERS]
    found = measure_error(weight[order], transform, tiles=GATE_TILES).largest
    if found <= limit:
        return None
    return (
        f"F({transform.m},{transform.r}) error {found:.1e} of the output scale "
        f"is above the limit {limit:.0e}"
    )


def _winograd(
    tiles: NDArray[np.float32], weight: NDArray[np.float32], transform: Transform
) -> NDArray[np.float32]:
    """Outputs (O, tiles, m, m) with every step rounded to float32, weights too.

    Layers of few weights keep them transformed in float64 and rounded once: a bit more
    exact than this.
    """
    alpha = transform.alpha
    at, g, bt = (matrix.astype(np.float32) for matrix in transform.arrays())
    inside = (bt @ tiles @ bt.T).astype(np.float32)
    coords = (g @ weight @ g.T).astype(np.float32)
    coords = coords.transpose(2, 3, 0, 1).reshape(alpha * alpha, *weight.shape[:2])
    products = np.einsum(
        "koc,ctk->otk", coords, inside.reshape(*inside.shape[:2], -1), optimize=True
    )
    square = products.reshape(*products.shape[:2], alpha, alpha)
    return np.asarray(at @ square @ at.T, dtype=np.float32)
