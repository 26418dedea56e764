"""Exact, deterministic selection: the smallest scores, and seeded random numbers.

Belongs here: what every method shares to turn scores into "keep" and "remove"
with exact counts. Does not belong here: scores (``criteria``).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

import numpy as np
import torch

from workbench.pruning.method import MethodError


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


def global_masks(
    scores: Mapping[str, torch.Tensor], sparsity: float, floor: float
) -> dict[str, torch.Tensor]:
    """Return masks from one threshold over all layers, with a floor per layer.

    Exactly round(sparsity * N) entries go. The best ``floor_count`` entries of each
    layer are out of reach, so that no layer is ever emptied.

    Raises
    ------
    MethodError
        The floors leave fewer entries to remove than the sparsity asks for.
    """
    guarded = {name: _guard(score, floor) for name, score in scores.items()}
    flat = torch.cat([guarded[name].reshape(-1) for name in scores])
    count = count_of(sparsity, flat.numel())
    free = int(torch.isfinite(flat).sum())
    if count > free:
        raise MethodError(
            f"global sparsity {sparsity:g} with a floor of {floor:g} a layer",
            f"at most {math.floor(1000 * free / flat.numel()) / 1000:g}",
            "Lower the sparsity or the floor.",
        )
    gone = smallest(flat, count)
    pieces = torch.split(gone, [score.numel() for score in scores.values()])
    return {
        name: ~piece.reshape(scores[name].shape)
        for name, piece in zip(scores, pieces, strict=True)
    }


def floor_count(floor: float, total: int) -> int:
    """Return how many of n entries a floor keeps: ceil(floor * n), one at least.

    Examples
    --------
    >>> floor_count(0.01, 432), floor_count(0.0, 432)
    (5, 1)
    """
    return max(1, math.ceil(floor * total))


def _guard(score: torch.Tensor, floor: float) -> torch.Tensor:
    """Return a copy in which the best entries of the layer score +inf."""
    reachable = smallest(score, score.numel() - floor_count(floor, score.numel()))
    return score.float().masked_fill(~reachable, math.inf)


def generator(seed: int, *keys: str) -> np.random.Generator:
    """Return a random generator that depends on the seed and the keys alone.

    NumPy's PCG64 is used because its stream is fixed across versions; the keys
    (layer id, purpose) keep layers independent of one another.
    """
    text = "\0".join((str(seed), *keys)).encode()
    return np.random.Generator(np.random.PCG64(list(hashlib.sha256(text).digest())))
