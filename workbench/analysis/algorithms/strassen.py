"""Matrix products with seven multiplications of blocks for eight.

Belongs here: the product for any sizes, and how many multiplications it makes. Does
not belong here: convolution as a product (``im2col``), timings (``algorithms``).

Source: Strassen 1969, "Gaussian Elimination is not Optimal"; padding by a row or
column of zeros where a side is odd.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.errors import WorkbenchError

F32 = NDArray[np.float32]

MOST_LEVELS = 6


def strassen(a: F32, b: F32, *, levels: int = 1) -> F32:
    """Return ``a @ b`` by so many levels of Strassen, then BLAS.

    Parameters
    ----------
    a : numpy.ndarray of float32, shape (M, K)
    b : numpy.ndarray of float32, shape (K, N)
    levels : int
        0..6; each halves all three sides, and stops where one is 1.

    Raises
    ------
    WorkbenchError
        Shapes that do not fit, or impossible levels.

    Examples
    --------
    >>> a = np.array([[1, 2], [3, 4]], np.float32)
    >>> strassen(a, a).tolist()
    [[7.0, 10.0], [15.0, 22.0]]
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise WorkbenchError(
            f"matrices of shapes {a.shape} and {b.shape}",
            "(M, K) and (K, N)",
            "Transpose one, or check the sizes.",
        )
    if not 0 <= levels <= MOST_LEVELS:
        raise WorkbenchError(
            f"{levels} levels", f"0 to {MOST_LEVELS}", "One to three are usual."
        )
    return _product(a, b, levels)


def _product(a: F32, b: F32, levels: int) -> F32:
    m, k = a.shape
    n = b.shape[1]
    if levels == 0 or min(m, k, n) < 2:
        return np.asarray(a @ b)
    a11, a12, a21, a22 = _quarters(a)
    b11, b12, b21, b22 = _quarters(b)
    below = levels - 1
    m1 = _product(a11 + a22, b11 + b22, below)
    m2 = _product(a21 + a22, b11, below)
    m3 = _product(a11, b12 - b22, below)
    m4 = _product(a22, b21 - b11, below)
    m5 = _product(a11 + a12, b22, below)
    m6 = _product(a21 - a11, b11 + b12, below)
    m7 = _product(a12 - a22, b21 + b22, below)
    height, width = m1.shape
    out = np.empty((2 * height, 2 * width), dtype=m1.dtype)
    out[:height, :width] = m1 + m4 - m5 + m7
    out[:height, width:] = m3 + m5
    out[height:, :width] = m2 + m4
    out[height:, width:] = m1 - m2 + m3 + m6
    return out[:m, :n]


def _quarters(matrix: F32) -> tuple[F32, F32, F32, F32]:
    """Return the four blocks of a matrix, padded to even sides."""
    rows, columns = matrix.shape
    if rows % 2 or columns % 2:
        matrix = np.pad(matrix, ((0, rows % 2), (0, columns % 2)))
    height, width = (rows + 1) // 2, (columns + 1) // 2
    return (
        matrix[:height, :width],
        matrix[:height, width:],
        matrix[height:, :width],
        matrix[height:, width:],
    )


def strassen_multiplies(m: int, k: int, n: int, levels: int) -> int:
    """Return the multiplications of an (m, k) by (k, n) product, padding included.

    Examples
    --------
    >>> strassen_multiplies(4, 4, 4, 0), strassen_multiplies(4, 4, 4, 2)
    (64, 49)
    """
    if levels == 0 or min(m, k, n) < 2:
        return m * k * n
    half = [(side + 1) // 2 for side in (m, k, n)]
    return 7 * strassen_multiplies(half[0], half[1], half[2], levels - 1)
