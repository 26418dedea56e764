"""What the time of a sparse kernel depends on: how many zeros, and how they lie.

Belongs here: a description that masks of the same kind share, so that layers of equal
shape, pruned alike, are timed once. Does not belong here: the cache (`timings`).
"""

from math import log, prod

import numpy as np
from numpy.typing import ArrayLike, NDArray

DENSITY_STEP = 1.03
"""Densities within 3 % of each other count as equal."""

SHARE_STEP = 0.05
"""So do shares of rows, kernels and inputs."""

HEIGHTS = (4, 16)
"""Neighbouring filters whose common inputs are counted: they can share loads."""

UNEVEN_STEP = 0.1


def structure(mask: NDArray[np.bool_]) -> str:
    """Return a description that equal kinds of masks share.

    Parameters
    ----------
    mask : numpy.ndarray of bool, shape (O, C, KH, KW) or (O, I)
        True where a weight is kept.

    Returns
    -------
    str
        Density; shares of filters, inputs and kernels that keep anything; unevenness
        of the filters; shares of places that any of 4 and of 16 neighbours keeps.

    Examples
    --------
    >>> structure(np.eye(4, dtype=bool))
    'd-47 f20 i20 k5 u0 s20-20'
    """
    rows = mask.reshape(len(mask), -1)
    kept = int(np.count_nonzero(rows))
    if kept == 0:
        return "empty"
    kernels = mask.reshape(*mask.shape[:2], prod(mask.shape[2:])).any(axis=2)
    each = np.count_nonzero(rows, axis=1)
    uneven = round(float(each.std() / each.mean()) / UNEVEN_STEP)
    filters = _share(each > 0)
    inputs = _share(kernels.any(axis=0))
    connected = _share(kernels)
    together = [
        _share(np.logical_or.reduceat(rows, np.arange(0, len(rows), height), axis=0))
        for height in HEIGHTS
    ]
    density = round(log(kept / rows.size) / log(DENSITY_STEP))
    common = "-".join(map(str, together))
    return f"d{density} f{filters} i{inputs} k{connected} u{uneven} s{common}"


def _share(part: ArrayLike) -> int:
    return round(float(np.mean(np.asarray(part))) / SHARE_STEP)
