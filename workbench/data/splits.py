"""Fixed stratified splits and subsets.

Belongs here: which image goes into which split. Every choice depends on labels and on
a frozen random stream only, so that it is the same on every machine and version
(``RandomState`` is frozen by NumPy's compatibility policy, NEP 19; ``Generator`` is
not).
"""

import numpy as np
from numpy.typing import NDArray

from workbench.errors import WorkbenchError

SPLITS = ("train", "val", "test")
_SEED = 20_240_229


def check_split(split: str) -> None:
    """Raise a WorkbenchError unless ``split`` is one of ``SPLITS``."""
    if split not in SPLITS:
        raise WorkbenchError(
            f"split '{split}'", "one of " + ", ".join(SPLITS), "Choose one of them."
        )


def stratified_parts(
    labels: NDArray[np.int64], fractions: tuple[float, ...]
) -> tuple[NDArray[np.int64], ...]:
    """Return index arrays, one a fraction, that share every class in proportion.

    Parameters
    ----------
    labels : ndarray of int64, shape (N,)
        Class of every image.
    fractions : tuple of float
        Shares that sum to 1; the last part takes what rounding leaves.

    Returns
    -------
    tuple of ndarray of int64
        Disjoint, sorted, together every index.

    Examples
    --------
    >>> a, b = stratified_parts(np.array([0, 0, 1, 1]), (0.5, 0.5))
    >>> len(a), len(b)
    (2, 2)
    """
    random = np.random.RandomState(_SEED)
    parts: list[list[NDArray[np.int64]]] = [[] for _ in fractions]
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        edges = np.round(np.cumsum(fractions[:-1]) * len(members)).astype(np.int64)
        for part, chosen in zip(parts, np.split(members, edges), strict=True):
            part.append(chosen)
    return tuple(np.sort(np.concatenate(part)).astype(np.int64) for part in parts)


def balanced_subset(labels: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return ``n`` sorted indices whose classes are as even as they can be.

    Parameters
    ----------
    labels : ndarray of int64, shape (N,)
        Class of every image.
    n : int
        1..N images.

    Examples
    --------
    >>> labels = np.array([0, 0, 0, 1, 1, 2])
    >>> labels[balanced_subset(labels, 3)].tolist()
    [0, 1, 2]
    """
    random = np.random.RandomState(_SEED)
    order = random.permutation(len(labels))
    rank = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        members = order[labels[order] == label]
        rank[members] = np.arange(len(members))
    # Lowest rank within its class first: one of each class, then a second of each...
    best = np.lexsort((labels, rank))[:n]
    return np.sort(best).astype(np.int64)
