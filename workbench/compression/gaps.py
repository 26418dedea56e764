"""Places of kept weights as relative positions, with padding zeros.

Belongs here: positions to gaps and back. Does not belong here: coding the gaps
(``streams``).

Source: Han, Mao, Dally 2016, "Deep Compression", section 2, figure 2: the difference
of indices in a few bits; where a gap is too long, a zero weight is put in between.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.errors import WorkbenchError

U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]

WIDTHS = range(2, 9)
"""Bits a gap that are tried; the paper uses 8 for convolutions and 5 for the rest."""


def to_gaps(positions: I64, bits: int) -> tuple[U8, NDArray[np.bool_]]:
    """Return the gaps of kept weights, and which entries are real weights.

    Parameters
    ----------
    positions : numpy.ndarray of int64, shape (n,)
        Rising places in the flat weight.
    bits : int
        1..8: an entry skips 0 .. 2^bits - 1 places.

    Returns
    -------
    gaps : numpy.ndarray of uint8, shape (entries,)
        Places between an entry and the one before.
    real : numpy.ndarray of bool, shape (entries,)
        False for a padding zero.

    Examples
    --------
    The paper's figure 2: weights at 1, 4 and 15 with gaps of at most 7 places (the
    paper counts 8 from index to index); a zero is put at 12.

    >>> gaps, real = to_gaps(np.array([1, 4, 15]), bits=3)
    >>> gaps.tolist(), real.tolist()
    ([1, 2, 7, 2], [True, True, False, True])
    """
    between = np.diff(positions, prepend=-1) - 1
    fillers, rest = np.divmod(between, 1 << bits)
    ends = np.cumsum(fillers + 1) - 1
    total = int(ends[-1]) + 1 if len(ends) else 0
    gaps = np.full(total, (1 << bits) - 1, dtype=np.uint8)
    gaps[ends] = rest
    real = np.zeros(total, dtype=bool)
    real[ends] = True
    return gaps, real


def to_positions(gaps: U8, size: int) -> I64:
    """Return the place of every entry, padding zeros included.

    Parameters
    ----------
    gaps : numpy.ndarray of uint8, shape (entries,)
    size : int
        Weights of the layer.

    Raises
    ------
    WorkbenchError
        Gaps that lead out of the layer.
    """
    positions = np.cumsum(gaps.astype(np.int64) + 1) - 1
    if len(positions) and positions[-1] >= size:
        raise WorkbenchError(
            f"a weight at place {positions[-1]} of a layer of {size}",
            "places inside the layer",
            "The file is damaged: fetch or export it again.",
        )
    return positions


def best_width(positions: I64, value_bits: float, *, entropy: bool) -> int:
    """Return the bits a gap that make positions and values smallest together.

    Parameters
    ----------
    positions : numpy.ndarray of int64, shape (n,)
    value_bits : float
        What a padding zero costs beside its gap.
    entropy : bool
        Whether gaps will be entropy coded; else each takes all its bits.
    """

    def cost(bits: int) -> float:
        gaps, real = to_gaps(positions, bits)
        each = entropy_bits(np.bincount(gaps)) if entropy else bits * len(gaps)
        return each + value_bits * float(np.count_nonzero(~real))

    return min(WIDTHS, key=cost)


def entropy_bits(counts: NDArray[np.int64]) -> float:
    """Return the fewest bits that symbols with these counts can take together.

    Examples
    --------
    >>> entropy_bits(np.array([2, 1, 1]))
    6.0
    """
    used = counts[counts > 0]
    return float(-(used * np.log2(used / used.sum())).sum())
