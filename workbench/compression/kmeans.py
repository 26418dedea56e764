"""Shared weights of a layer by one-dimensional k-means.

Belongs here: how the centroids start and where they settle. Does not belong here:
the training of centroids (``lookup``) and their storage (``wbz``).

Source: Han, Mao, Dally 2016, "Deep Compression", section 3 (weight sharing) and 3.2
(random, density-based and linear initialisation).
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from workbench.compression.palette import F32, MOST_BITS, Palette
from workbench.errors import WorkbenchError

Start = Literal["linear", "density", "random"]
STARTS: tuple[str, ...] = get_args(Start)

F64 = NDArray[np.float64]

SAMPLE = 200_000
"""Values that k-means looks at: so many quantiles describe a layer of any size."""

ROUNDS = 100


def share(weight: F32, bits: int, *, start: Start = "linear", seed: int = 0) -> Palette:
    """Return the palette of a layer; each weight takes its nearest shared value.

    A layer with zeros keeps them: one of its 2^bits values is then exactly 0. A layer
    that has no more than 2^bits different values keeps them all, unchanged.

    Parameters
    ----------
    weight : numpy.ndarray of float32, any shape
        Finite; zeros count as removed.
    bits : int
        1..8: the layer gets 2^bits shared values.
    start : {"linear", "density", "random"}
        Centroids spread evenly between the smallest and the largest weight (the paper
        finds this best: it keeps the rare large weights), over equal numbers of
        weights, or taken from the weights at random.
    seed : int
        Of the random start.

    Raises
    ------
    WorkbenchError
        Bits or a start that do not exist, or weights that are not finite.

    Examples
    --------
    >>> palette = share(np.array([0.0, 1.0, 1.2, -3.0], np.float32), bits=2)
    >>> palette.codebook.round(2).tolist(), palette.codes.tolist()
    ([0.0, -3.0, 1.0, 1.2000000476837158], [0, 2, 3, 1])
    """
    _check(weight, bits, start)
    kept = weight[weight != 0]
    pruned = kept.size < weight.size
    count = (1 << bits) - pruned
    centres = _centroids(kept, count, start, seed)
    codes = np.zeros(weight.shape, dtype=np.uint8)
    codes[weight != 0] = nearest(kept, centres) + pruned
    if pruned:
        centres = np.concatenate([np.zeros(1, np.float32), centres])
    return Palette(centres, codes, pruned)


def nearest(values: F32, centres: F32) -> NDArray[np.intp]:
    """Return for each value the index of the nearest of the sorted centres."""
    wide = centres.astype(np.float64)
    return np.searchsorted((wide[1:] + wide[:-1]) / 2, values.astype(np.float64))


def starting_centroids(values: F32, count: int, start: Start, seed: int = 0) -> F64:
    """Return where k-means starts, float64 (count,).

    Parameters
    ----------
    values : numpy.ndarray of float32, shape (n,)
        Kept weights, n at least ``count``.
    count : int
    start : {"linear", "density", "random"}
    seed : int
        Of the random start.

    Examples
    --------
    >>> values = np.array([0, 1, 2, 8], np.float32)
    >>> starting_centroids(values, 3, "linear").tolist()
    [0.0, 4.0, 8.0]
    >>> starting_centroids(values, 2, "density").tolist()
    [0.75, 3.5]
    """
    wide = values.astype(np.float64)
    if start == "linear":
        return np.linspace(wide.min(), wide.max(), count)
    if start == "density":
        return np.quantile(wide, (np.arange(count) + 0.5) / count)
    distinct = np.unique(wide)
    chosen = np.random.default_rng(seed).choice(distinct, count, replace=False)
    return np.sort(chosen)


def _centroids(kept: F32, count: int, start: Start, seed: int) -> F32:
    """Return at most ``count`` sorted shared values."""
    if kept.size == 0:
        return np.zeros(0, np.float32)
    distinct = np.unique(kept)
    if distinct.size <= count:
        return distinct
    sample = kept
    if kept.size > SAMPLE:
        places = np.linspace(0, kept.size - 1, SAMPLE).astype(np.int64)
        sample = np.sort(kept)[places]
    if np.unique(sample).size <= count:
        return np.unique(sample)
    centres = starting_centroids(sample, count, start, seed)
    model = KMeans(count, init=centres[:, None], n_init=1, max_iter=ROUNDS)
    model.fit(sample.astype(np.float64)[:, None])
    return np.unique(model.cluster_centers_.astype(np.float32))


def _check(weight: F32, bits: int, start: str) -> None:
    if not 1 <= bits <= MOST_BITS:
        raise WorkbenchError(
            f"{bits} bits a weight",
            f"1 to {MOST_BITS}",
            "The paper uses 8 for convolutions and 5 for linear layers.",
        )
    if start not in STARTS:
        raise WorkbenchError(
            f"start {start!r}", "one of " + ", ".join(STARTS), "Use linear if in doubt."
        )
    if not np.isfinite(weight).all():
        raise WorkbenchError(
            "weights that hold NaN or infinity",
            "finite numbers",
            "The training diverged: use another checkpoint.",
        )
