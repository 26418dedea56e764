"""The 4-entry patterns of 3x3 kernels.

Belongs here: the catalogue of patterns, the choice of a dictionary and the
assignment of kernels to it. Does not belong here: masks of a recipe
(``methods/pattern.py``) and statistics for people (``analysis/patterns.py``).

A pattern is a row of nine bools in row-major order of the kernel (index 4 is the
centre). The 56 *natural* patterns keep the centre and three of the other eight, in
lexicographic order of the three; a pattern's number in that order is its id.

Source: Ma et al. 2020, "PCONV: The Missing but Desirable Sparsity in DNN Weight
Pruning", section 3 (sparse convolution patterns).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import combinations

import numpy as np
import torch

from workbench.pruning.select import generator

CENTRE = 4
AROUND = (0, 1, 2, 3, 5, 6, 7, 8)
ENTRIES = 4


def _rows(kept: Iterable[tuple[int, ...]]) -> torch.Tensor:
    chosen = list(kept)
    rows = torch.zeros(len(chosen), 9, dtype=torch.bool)
    for row, places in zip(rows, chosen, strict=True):
        row[list(places)] = True
    return rows


@lru_cache(maxsize=1)
def natural_patterns() -> torch.Tensor:
    """Return the 56 patterns that keep the centre, bool of shape (56, 9).

    Examples
    --------
    >>> natural_patterns()[0].int().tolist()
    [1, 1, 1, 0, 1, 0, 0, 0, 0]
    """
    return _rows((CENTRE, *three) for three in combinations(AROUND, 3))


def elog_patterns() -> torch.Tensor:
    """Return the four patterns of the enhanced Laplacian of Gaussian, (4, 9).

    The filter [[0, 1, 0], [1, 8, 1], [0, 1, 0]] has five entries; each pattern leaves
    one neighbour out: right, bottom, left, top (PCONV, section 3.2).

    Examples
    --------
    >>> elog_patterns()[0].int().reshape(3, 3).tolist()
    [[0, 1, 0], [1, 1, 0], [0, 1, 0]]
    """
    cross = (1, 3, 5, 7)
    return _rows(
        (CENTRE, *(place for place in cross if place != gap)) for gap in (5, 7, 3, 1)
    )


def gaussian_patterns() -> torch.Tensor:
    """Return the four 2x2 squares around the centre, bool of shape (4, 9).

    Their sum is the binomial Gaussian [[1, 2, 1], [2, 4, 2], [1, 2, 1]] exactly, so
    that filters of all four shapes together smooth as it does (PCONV, section 3.2, on
    filters that patterns compose).

    Examples
    --------
    >>> gaussian_patterns().int().sum(dim=0).reshape(3, 3).tolist()
    [[1, 2, 1], [2, 4, 2], [1, 2, 1]]
    """
    corners = ((0, 1, 3), (1, 2, 5), (3, 6, 7), (5, 7, 8))
    return _rows((CENTRE, *three) for three in corners)


def random_patterns(count: int, seed: int) -> torch.Tensor:
    """Return ``count`` different patterns drawn from all 126, (count, 9).

    The paper's negative control: four entries anywhere, the centre not favoured.
    """
    every = list(combinations(range(9), ENTRIES))
    rng = generator(seed, "patterns")
    chosen = rng.choice(len(every), size=min(count, len(every)), replace=False)
    return _rows(every[index] for index in sorted(chosen.tolist()))


def kernels_of(weight: torch.Tensor) -> torch.Tensor:
    """Return the 3x3 kernels of an OIHW weight as rows, shape (O * I, 9)."""
    return weight.detach().reshape(-1, 9)


def natural_ids(kernels: torch.Tensor) -> torch.Tensor:
    """Return each kernel's natural pattern: the centre and its 3 largest others.

    Equal magnitudes: the earlier place wins. A kernel of zeros has none: -1.

    Parameters
    ----------
    kernels : torch.Tensor
        float, (n, 9).

    Returns
    -------
    torch.Tensor
        int64, (n,), ids 0..55 or -1.
    """
    size = kernels.abs()
    order = torch.argsort(size[:, list(AROUND)], dim=1, descending=True, stable=True)[
        :, :3
    ]
    code = (1 << order).sum(dim=1)
    ids = _id_of_code()[code]
    return torch.where(size.amax(dim=1) > 0, ids, -1)


@lru_cache(maxsize=1)
def _id_of_code() -> torch.Tensor:
    """Return the table from an 8-bit code of the three neighbours to the id."""
    table = torch.full((256,), -1)
    for number, three in enumerate(combinations(range(8), 3)):
        table[sum(1 << place for place in three)] = number
    return table


def frequency(ids: torch.Tensor) -> torch.Tensor:
    """Return how many kernels have each natural pattern, int64 of shape (56,)."""
    return torch.bincount(ids[ids >= 0], minlength=len(natural_patterns()))


def most_frequent(counts: torch.Tensor, count: int) -> torch.Tensor:
    """Return the ids of the ``count`` most frequent patterns, lower ids first on ties.

    Examples
    --------
    >>> counts = torch.zeros(56, dtype=torch.int64)
    >>> counts[[7, 3, 9]] = torch.tensor([5, 2, 5])
    >>> most_frequent(counts, 3).tolist()
    [7, 9, 3]
    """
    order = np.argsort(-counts.numpy(), kind="stable")
    return torch.from_numpy(order[:count].copy())


def retained_energy(kernels: torch.Tensor, patterns: torch.Tensor) -> torch.Tensor:
    """Return the energy (sum of squares) each pattern keeps, float64 (n, K)."""
    return kernels.double().square() @ patterns.double().T


def assign(kernels: torch.Tensor, patterns: torch.Tensor) -> torch.Tensor:
    """Return for each kernel the pattern that keeps most energy, int64 (n,).

    This is the Euclidean projection onto the dictionary; on ties the earlier pattern
    (the more frequent one) wins.
    """
    return torch.argmax(retained_energy(kernels, patterns), dim=1)
