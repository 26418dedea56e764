"""Exact, deterministic selection: the smallest scores, and seeded random numbers.

Belongs here: what every method shares to turn scores into "keep" and "remove"
with exact counts. Does not belong here: scores (``criteria``).
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch


def count_of(sparsity: float, total: int) -> int:
    """Return how many of ``total`` entries a sparsity removes: round(s * n).

    Examples
    --------
    >>> count_of(0.8, 432)
    346
    """
    return round(sparsity * total)


def smallest(scores: torch.Tensor, count: int) -> torch.Tensor:
    """Return a bool tensor, True at exactly ``count`` smallest scores.

    Equal scores fall in flat order, the lower index first, so that the choice is
    the same on every machine. Linear time: one partition, no sort.

    Parameters
    ----------
    scores : torch.Tensor
        Any shape; finite, or +inf for entries that must never be chosen.
    count : int
        0 .. scores.numel().

    Examples
    --------
    >>> smallest(torch.tensor([2.0, 1.0, 1.0, 1.0]), 2)
    tensor([False,  True,  True, False])
    """
    flat = scores.detach().reshape(-1).numpy()
    if count <= 0:
        return torch.zeros(scores.shape, dtype=torch.bool)
    if count >= flat.size:
        return torch.ones(scores.shape, dtype=torch.bool)
    threshold = np.partition(flat, count - 1)[count - 1]
    chosen = flat < threshold
    ties = np.flatnonzero(flat == threshold)
    chosen[ties[: count - int(chosen.sum())]] = True
    return torch.from_numpy(chosen).reshape(scores.shape)


def smallest_per_row(scores: torch.Tensor, count: int) -> torch.Tensor:
    """Return True at the ``count`` smallest scores of each row of a 2-D tensor.

    Examples
    --------
    >>> smallest_per_row(torch.tensor([[3.0, 1.0, 2.0], [5.0, 5.0, 5.0]]), 1)
    tensor([[False,  True, False],
            [ True, False, False]])
    """
    order = torch.argsort(scores, dim=1, stable=True)[:, :count]
    chosen = torch.zeros(scores.shape, dtype=torch.bool)
    return chosen.scatter_(1, order, True)


def generator(seed: int, *keys: str) -> np.random.Generator:
    """Return a random generator that depends on the seed and the keys alone.

    NumPy's PCG64 is used because its stream is fixed across versions; the keys
    (layer id, purpose) keep layers independent of one another.
    """
    text = "\0".join((str(seed), *keys)).encode()
    return np.random.Generator(np.random.PCG64(list(hashlib.sha256(text).digest())))
