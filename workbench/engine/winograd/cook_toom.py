"""Exact Cook-Toom matrices A, G, B for Winograd convolution F(m, r).

Belongs here: the algebra, in rational numbers, and the transform of weights.
Does not belong here: where tiles lie in memory (``winograd_tables``), the
kernels (``workbench.kernels.steps.winograd``), error studies (``workbench.analysis``).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from workbench.errors import WorkbenchError

Matrix = tuple[tuple[Fraction, ...], ...]


@dataclass(frozen=True)
class Transform:
    """The matrices of F(m, r): ``y = AT ((G g) * (BT d))``, all exact.

    Attributes
    ----------
    m, r : int
        Outputs and filter taps of one tile, along one axis.
    points : tuple of Fraction
        The ``m + r - 2`` finite points; infinity is always the last one.
    at : Matrix
        (m, alpha) output transform, ``alpha = m + r - 1``.
    g : Matrix
        (alpha, r) filter transform.
    bt : Matrix
        (alpha, alpha) input transform.
    """

    m: int
    r: int
    points: tuple[Fraction, ...]
    at: Matrix
    g: Matrix
    bt: Matrix

    @property
    def alpha(self) -> int:
        """Inputs of one tile along one axis, and multiplies per tile."""
        return self.m + self.r - 1

    def arrays(
        self,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """``(AT, G, BT)`` rounded once to float64."""
        return to_float(self.at), to_float(self.g), to_float(self.bt)


def cook_toom(m: int, r: int, points: tuple[Fraction, ...] | None = None) -> Transform:
    """The exact matrices of F(m, r) for the given finite points.

    Parameters
    ----------
    m : int
        Outputs per tile, at least 1.
    r : int
        Filter taps, at least 1; ``m + r`` at least 3.
    points : tuple of Fraction, optional
        ``m + r - 2`` different finite points; `standard_points` by default.

    Returns
    -------
    Transform

    Raises
    ------
    WorkbenchError
        When the sizes are impossible, or the points are too few or repeat.

    Source
    ------
    Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015);
    Blahut, "Fast Algorithms for Signal Processing", section 5.2 (Cook-Toom by
    Lagrange interpolation), transposed from convolution to correlation.

    Examples
    --------
    >>> t = cook_toom(2, 3, (Fraction(0), Fraction(1), Fraction(-1)))
    >>> [[str(x) for x in row] for row in t.at]
    [['1', '1', '1', '0'], ['0', '1', '-1', '1']]
    >>> [str(x) for x in t.g[1]]
    ['1/2', '1/2', '1/2']
    """
    if m < 1 or r < 1 or m + r < 3:
        raise WorkbenchError(
            f"F({m}, {r})",
            "m >= 1, r >= 1 and m + r >= 3",
            "Choose the number of outputs and taps of one tile.",
        )
    chosen = standard_points(m + r - 2) if points is None else tuple(points)
    if len(chosen) != m + r - 2 or len(set(chosen)) != len(chosen):
        raise WorkbenchError(
            f"points {', '.join(map(str, chosen))} for F({m}, {r})",
            f"{m + r - 2} different finite points",
            "Infinity is added by itself; drop repeats or add points.",
        )
    zero, one = Fraction(0), Fraction(1)
    at = tuple((*(p**i for p in chosen), one if i == m - 1 else zero) for i in range(m))
    g_rows, bt_rows = [], []
    for p in chosen:
        others = [q for q in chosen if q != p]
        scale = one
        for q in others:
            scale *= p - q
        g_rows.append(tuple(p**k / scale for k in range(r)))
        bt_rows.append((*_monic(others), zero))
    g_rows.append(tuple(one if k == r - 1 else zero for k in range(r)))
    bt_rows.append(tuple(_monic(list(chosen))))
    return Transform(m, r, chosen, at, tuple(g_rows), tuple(bt_rows))


def standard_points(count: int) -> tuple[Fraction, ...]:
    """The finite points we use for a tile with ``count`` of them.

    0 and then pairs of opposite points, so that transforms split into even and odd
    halves. Chosen by measured error (benchmarks/winograd_points.py): for F(4, 3) the
    best dyadic neighbours of the irrational optimum near 0.7 and 1.4 halve the error
    of 1 and 2; for F(2, 3) and F(6, 3) nothing tried beat 1, 1/2 and 2.

    Examples
    --------
    >>> [str(p) for p in standard_points(5)]
    ['0', '5/8', '-5/8', '3/2', '-3/2']
    """
    if count == 5:
        sizes = [Fraction(5, 8), Fraction(3, 2)]
    else:
        sizes = [Fraction(1), Fraction(1, 2), Fraction(2), Fraction(1, 4), Fraction(4)]
        sizes += [Fraction(n, n + 1) for n in range(2, count)]
    pairs = [sign * size for size in sizes for sign in (1, -1)]
    return (Fraction(0), *pairs)[:count]


def transform_weights(
    weight: NDArray[np.float32], transform: Transform
) -> NDArray[np.float32]:
    """Weights in the Winograd domain, ``G g G^T`` in float64, rounded once.

    Parameters
    ----------
    weight : numpy.ndarray of float32, shape (O, C, r, r)
    transform : Transform

    Returns
    -------
    numpy.ndarray of float32, shape (alpha * alpha, O, C)
        Coordinate ``alpha * row + column`` first: one matrix a coordinate.
    """
    if weight.ndim != 4 or weight.shape[2:] != (transform.r, transform.r):
        raise WorkbenchError(
            f"weight of shape {weight.shape}",
            f"(O, C, {transform.r}, {transform.r})",
            "Run other kernel sizes with the direct or the sparse kernel.",
        )
    g = to_float(transform.g)
    taps = weight.reshape(-1, transform.r**2).T.astype(np.float64)
    inside = (np.kron(g, g) @ taps).astype(np.float32)
    return inside.reshape(transform.alpha**2, *weight.shape[:2])


def _monic(roots: list[Fraction]) -> list[Fraction]:
    """Coefficients, lowest power first, of the product of ``x - root``."""
    poly = [Fraction(1)]
    for root in roots:
        shifted = [Fraction(0), *poly]
        scaled = [*(-root * c for c in poly), Fraction(0)]
        poly = [a + b for a, b in zip(shifted, scaled, strict=True)]
    return poly


def to_float(matrix: Matrix) -> NDArray[np.float64]:
    """A rational matrix as float64, each entry correctly rounded."""
    return np.array([[float(x) for x in row] for row in matrix], dtype=np.float64)
