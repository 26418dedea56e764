"""Which output vectors of a depthwise convolution stand below each other.

Belongs here: geometry that lets the depthwise kernel load an input row once for several
output rows. Does not belong here: arithmetic.
"""

from dataclasses import dataclass

import numpy as np

from workbench.kernels.types import I32, I64, Vectors

CHAIN = 4
_SIZES = (3, 5)


@dataclass(frozen=True, eq=False)
class DepthwiseGrid:
    """A grid of taps and the vectors that share its rows; see ext/depthwise.h.

    ``chains`` has shape (n, 4) and ``singles`` lists the vectors in no chain; ``order``
    sorts the taps row by row, top left first. Without a grid, ``rows`` is 0 and every
    vector is single.
    """

    rows: int
    columns: int
    row_stride: int
    order: I64
    chains: I32
    singles: I32


def depthwise_grid(offsets: I32, vectors: Vectors) -> DepthwiseGrid:
    """Return how these taps and vectors can share loads.

    Examples
    --------
    >>> taps = np.array([-9, -8, -7, -1, 0, 1, 7, 8, 9], np.int32)
    >>> rows = np.arange(5, dtype=np.int64) * 8
    >>> table = Vectors(rows, rows[:, None], np.full((5, 1), 127, np.uint16))
    >>> grid = depthwise_grid(taps, table)
    >>> grid.rows, grid.row_stride, grid.chains.tolist(), grid.singles.tolist()
    (3, 8, [[0, 1, 2, 3]], [4])
    """
    order = np.argsort(offsets, kind="stable")
    size = round(offsets.size**0.5)
    if size in _SIZES and size * size == offsets.size:
        grid = offsets[order].astype(np.int64).reshape(size, size)
        stride = int(grid[1, 0] - grid[0, 0])
        regular = grid[0] + stride * np.arange(size)[:, None]
        if stride > 0 and np.array_equal(grid, regular):
            chains, singles = _chains(vectors.vec_in, stride)
            if chains:
                return DepthwiseGrid(
                    size,
                    size,
                    stride,
                    order,
                    np.array(chains, dtype=np.int32),
                    np.array(singles, dtype=np.int32),
                )
    return DepthwiseGrid(
        0,
        0,
        0,
        np.arange(offsets.size),
        np.empty((0, CHAIN), dtype=np.int32),
        np.arange(vectors.count, dtype=np.int32),
    )


def _chains(starts: I64, stride: int) -> tuple[list[list[int]], list[int]]:
    where = {int(start): v for v, start in enumerate(starts)}
    chains: list[list[int]] = []
    singles: list[int] = []
    for start in sorted(where):
        if start - stride in where:
            continue
        column = []
        while start in where:
            column.append(where[start])
            start += stride
        whole = len(column) // CHAIN * CHAIN
        chains += [column[i : i + CHAIN] for i in range(0, whole, CHAIN)]
        singles += column[whole:]
    repeated = set(range(starts.size)) - {v for c in chains for v in c} - set(singles)
    return chains, sorted([*singles, *repeated])
