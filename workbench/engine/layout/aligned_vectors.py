"""Vector tables whose vectors all start at multiples of 16 floats of the arena.

Belongs here: cutting the same pixels into other vectors. Does not belong here: which
pixels there are (`vectors`).
"""

import numpy as np

from workbench.engine.layout.vectors import MAX_SEGMENTS
from workbench.kernels import LANES, Vectors

MOST_EXTRA = 1.05
"""Up to 5 % more vectors are paid for loads that stay within one cache line."""


def on_one_grid(table: Vectors, src: int) -> Vectors:
    """Return a table of the same pixels with aligned vectors, where that pays.

    Rows that run together in padded planes may share vectors; a vector that starts at
    the first pixel after a gap is only another way to cut them.

    Parameters
    ----------
    table : Vectors
    src : int
        Arena offset that ``vec_in`` counts from.

    Returns
    -------
    Vectors
        ``table`` itself when its vectors already start equally far from a multiple of
        16, or when aligned ones would be too many or need too many segments.

    Examples
    --------
    >>> vectors = Vectors(np.array([1, 16]), np.array([[1], [16]]),
    ...                   np.array([[0x7FFF], [0xFFFF]], np.uint16))
    >>> on_one_grid(vectors, 0).vec_in.tolist()
    [0, 16]
    """
    starts = (src + table.vec_in) % LANES
    if table.unzip or np.all(starts == starts[0]):
        return table
    lane = np.arange(LANES)
    kept = (table.vec_mask[:, :, None] >> lane & 1).astype(bool)
    vector, _, lanes = np.nonzero(kept)
    reads = table.vec_in[vector] + lanes
    shifts = (table.vec_out[:, :, None] + lane)[kept] - reads
    slots = (src + reads) // LANES
    keys = np.stack((slots, shifts), axis=1)
    pairs, index = np.unique(keys, axis=0, return_inverse=True)
    bits = np.zeros(len(pairs), np.int64)
    np.bitwise_or.at(bits, index.reshape(-1), 1 << (src + reads) % LANES)
    used, first, count = np.unique(pairs[:, 0], return_index=True, return_counts=True)
    if count.max() > MAX_SEGMENTS or used.size > MOST_EXTRA * table.count + 1:
        return table
    vec_in = used * LANES - src
    vec_out = np.zeros((used.size, int(count.max())), np.int64)
    vec_mask = np.zeros(vec_out.shape, np.uint16)
    row = np.repeat(np.arange(used.size), count)
    segment = np.arange(len(pairs)) - np.repeat(first, count)
    vec_out[row, segment] = pairs[:, 1] + vec_in[row]
    vec_mask[row, segment] = bits
    return Vectors(vec_in, vec_out, vec_mask)
