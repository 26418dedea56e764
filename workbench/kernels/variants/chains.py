"""Which output rows of a depthwise convolution share the loads of their input rows.

Belongs here: geometry that lets the depthwise kernel load an input row once for several
output rows. Does not belong here: arithmetic.
"""

from dataclasses import dataclass

import numpy as np

from workbench.kernels.values.frames import SIZES, Frame
from workbench.kernels.values.types import I32, I64, Vectors


@dataclass(frozen=True)
class DepthwiseGrid:
    """A grid of taps over rows of vectors; see ext/kernels/depthwise/depthwise.h.

    ``step`` is how many filter rows apart the taps of neighbouring output rows meet, 0
    where they do not; ``columns`` are the vectors of an output row and ``row_stride``
    the floats between two input rows.
    """

    step: int
    columns: int
    row_stride: int


NO_GRID = DepthwiseGrid(0, 1, 0)


def depthwise_grid(
    offsets: I32, vectors: Vectors, frame: Frame | None = None
) -> DepthwiseGrid:
    """Return how these taps and vectors can share loads; in a frame they always can.

    Examples
    --------
    >>> taps = np.array([-9, -8, -7, -1, 0, 1, 7, 8, 9], np.int32)
    >>> rows = np.arange(5, dtype=np.int64) * 8
    >>> table = Vectors(rows, rows[:, None], np.full((5, 1), 127, np.uint16))
    >>> depthwise_grid(taps, table)
    DepthwiseGrid(step=1, columns=1, row_stride=8)
    """
    if frame is not None:
        stride = frame.stride * frame.pitch
        return DepthwiseGrid(frame.stride, frame.columns, stride)
    size = round(offsets.size**0.5)
    if size not in SIZES or size * size != offsets.size:
        return NO_GRID
    grid = offsets.astype(np.int64).reshape(size, size)
    neighbours = bool(np.all(np.diff(grid, axis=1) == 1))
    for step in (1, 2):
        if (step == 1 or vectors.pace > 1) and not neighbours:
            continue
        stride = int(grid[step, 0] - grid[0, 0])
        if stride <= 0 or not np.all(grid[step:] - grid[:-step] == stride):
            continue
        columns = _columns(vectors.vec_in, stride)
        if columns:
            return DepthwiseGrid(step, columns, stride)
    return NO_GRID


def _columns(starts: I64, stride: int) -> int:
    """Return the vectors of a row when rows are ``stride`` floats apart, else 0."""
    below = np.flatnonzero(starts == starts[0] + stride)
    if starts.size == 1 or not below.size:
        return 0
    columns = int(below[0])
    if columns == 0 or starts.size % columns:
        return 0
    regular = np.all(starts[columns:] - starts[:-columns] == stride)
    return columns if regular else 0
