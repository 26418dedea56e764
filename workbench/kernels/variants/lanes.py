"""Dense convolutions whose lanes are output channels, for images of few pixels.

Belongs here: when that may pay, and one place a pixel out of a table of vectors. Does
not belong here: packing (ext/faces/lanes.pxi) or arithmetic (ext/kernels/conv_lanes/).
"""

from dataclasses import dataclass

import numpy as np

from workbench.kernels.values.types import F32, I64, LANES, Vectors

MOST_PIXELS = 128
"""With more, vectors of pixels are nearly full and need no transposed store."""

LEAST_CHANNELS = 8

BLOCK = {"scalar": 16, "avx2": 16, "avx512": 32}
"""Output channels of a tile by instruction set (ext/kernels/conv_lanes/)."""


@dataclass(frozen=True, eq=False)
class Pixels:
    """Where each output pixel is read at offset 0 and stored, shape (P,) each."""

    reads: I64
    writes: I64


def pixels_of(table: Vectors) -> Pixels:
    """Return the pixels that a table of vectors stores, one by one.

    Examples
    --------
    >>> table = Vectors(np.array([100]), np.array([[0, 8]]),
    ...                 np.array([[3, 256]], np.uint16), unzip=True)
    >>> found = pixels_of(table)
    >>> found.reads.tolist(), found.writes.tolist()
    ([100, 102, 101], [0, 1, 16])
    """
    lane = np.arange(LANES, dtype=np.int64)
    source = np.concatenate((lane[::2], lane[1::2])) if table.unzip else lane
    kept = (table.vec_mask[:, :, None] >> lane & 1).astype(bool)
    reads = np.broadcast_to(table.vec_in[:, None, None] + source, kept.shape)
    return Pixels(reads[kept], (table.vec_out[:, :, None] + lane)[kept])


def may_pay(weights: F32, table: Vectors) -> bool:
    """Say whether channels as lanes are worth timing for these weights (G, O/G, T)."""
    return weights.shape[1] >= LEAST_CHANNELS and table.pixels <= MOST_PIXELS


def likely_better(weights: F32, table: Vectors, isa: str) -> bool:
    """Say whether fewer lanes stay empty with channels as lanes than with pixels."""
    outputs, block = weights.shape[1], BLOCK[isa]
    with_channels = outputs / (-(-outputs // block) * block)
    return bool(with_channels > table.pixels / (LANES * table.count))
