"""Sparse convolutions of few pixels, whose input is gathered into lines first.

Belongs here: when that may pay, which pixels lie side by side, and what a line holds.
Does not belong here: packing (ext/faces/gathered.pxi) or arithmetic
(ext/kernels/conv_gathered/conv_gathered.c).
"""

from dataclasses import dataclass

import numpy as np

from workbench.kernels.values.specs import Placement
from workbench.kernels.values.types import I32, I64, LANES, Vectors
from workbench.kernels.variants.lanes import pixels_of

MOST_VECTORS = 2
"""Vectors of gathered pixels at most; WB_GATHERED_VECTORS in C."""

WIDTHS = (16, 8, 4, 2, 1)


@dataclass(frozen=True, eq=False)
class Pieces:
    """Neighbouring pixels that are neighbours in memory, too; shape (N,) each.

    Parameters
    ----------
    at : array of int64
        Float offset of the first pixel.
    lane, width : array of int64
        The first pixel, and how many: 1, 2, 4, 8 or 16.
    """

    at: I64
    lane: I64
    width: I64


@dataclass(frozen=True, eq=False)
class Gathering:
    """Lines of scratch that a layer's pixels are gathered into, one a tap.

    Parameters
    ----------
    pixels : int
    line_offset : array of int32, shape (L,)
        Float offset of the tap of each line.
    index : array of int32, shape (nnz,)
        Float offset, in scratch, of the line of each non-zero.
    reads, writes : Pieces
        Where the pixels are read at offset 0, and stored.
    place : Placement
        How sums run over the lines.
    """

    pixels: int
    line_offset: I32
    index: I32
    reads: Pieces
    writes: Pieces
    place: Placement

    @property
    def vectors(self) -> Vectors:
        """The vectors of a line."""
        return self.place.vectors


def may_pay(offsets: I32, vectors: Vectors) -> bool:
    """Say whether lines would be fewer, or better aligned, than vectors are."""
    count = -(-vectors.pixels // LANES)
    if not 0 < count <= MOST_VECTORS or offsets.size == 0:
        return False
    return count < vectors.count or bool(np.any(offsets & LANES - 1))


def gathering_of(offsets: I32, vectors: Vectors) -> Gathering:
    """Return how the pixels of a table of vectors are gathered for these offsets."""
    found = pixels_of(vectors)
    order = np.argsort(found.reads, kind="stable")
    pixels = order.size
    count = -(-pixels // LANES)
    lines, owner = np.unique(offsets, return_inverse=True)
    starts = np.arange(count, dtype=np.int64) * LANES
    table = Vectors(starts, starts[:, None], np.full((count, 1), 0xFFFF, np.uint16))
    return Gathering(
        pixels,
        lines.astype(np.int32),
        np.asarray(owner * (count * LANES), dtype=np.int32).reshape(-1),
        _pieces(found.reads[order]),
        _pieces(found.writes[order]),
        Placement(table, 0, 0, count * LANES, arena_floats=0),
    )


def _pieces(places: I64) -> Pieces:
    """Cut pixels at ``places`` into pieces; the last one of a run may overlap.

    Examples
    --------
    >>> found = _pieces(np.array([7, 8, 9, 20]))
    >>> found.at.tolist(), found.lane.tolist(), found.width.tolist()
    ([7, 8, 20], [0, 1, 3], [2, 2, 1])
    """
    ends = np.flatnonzero(np.diff(places, append=places[-1] + 2) != 1) + 1
    lanes, widths = [], []
    start = 0
    for end in ends.tolist():
        width = next(w for w in WIDTHS if w <= end - start)
        for lane in range(start, end, width):
            lanes.append(min(lane, end - width))
            widths.append(width)
        start = end
    first = np.array(lanes, dtype=np.int64)
    return Pieces(places[first], first, np.array(widths, dtype=np.int64))
