"""Exact, deterministic selection: the smallest scores, and seeded random numbers.

Belongs here: what every method shares to turn scores into "keep" and "remove"
with exact counts. Does not belong here: scores (``criteria``).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from workbench.pruning.method import MethodError

_Scores = NDArray[Any]
_WHOLE = 1 << 16
"""Scores up to which all of them are partitioned: a copy of a quarter megabyte."""
_SAMPLE = 1 << 14
# A rank in the sample has a standard deviation of at most sqrt(2^14) / 2 = 64.
_MARGIN = 400
_PIECE = 1 << 17


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
    the same on every machine. Linear time, no sort, and of large tensors no copy.

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
    threshold = _kth(flat, count)
    chosen = flat < threshold
    _choose_ties(chosen, flat, threshold, count)
    return torch.from_numpy(chosen).reshape(scores.shape)


def _kth(flat: _Scores, count: int) -> Any:
    """Return the ``count``-th smallest score, 1 .. flat.size.

    A sample tells a narrow range that almost surely holds it. One pass in pieces counts
    what lies below and gathers what lies within; the counts prove that the answer is
    there, and if it is not, the whole is partitioned.
    """
    if flat.size <= _WHOLE:
        return np.partition(flat, count - 1)[count - 1]
    sample = np.sort(flat[:: max(1, flat.size // _SAMPLE)])
    place = round(count / flat.size * sample.size)
    low = sample[max(0, place - _MARGIN)]
    high = sample[min(sample.size - 1, place + _MARGIN)]
    below = 0
    within = []
    for piece in _pieces(flat):
        not_below = piece >= low
        below += piece.size - int(np.count_nonzero(not_below))
        within.append(piece[not_below & (piece <= high)])
    found = np.concatenate(within)
    rank = count - below
    if not 1 <= rank <= found.size:
        return np.partition(flat, count - 1)[count - 1]
    found.partition(rank - 1)
    return found[rank - 1]


def _choose_ties(
    chosen: NDArray[np.bool_], flat: _Scores, threshold: Any, count: int
) -> None:
    """Choose scores equal to the threshold, first come, until ``count`` are chosen."""
    missing = count - int(np.count_nonzero(chosen))
    start = 0
    for piece in _pieces(flat):
        ties = np.flatnonzero(piece == threshold)[:missing]
        chosen[start + ties] = True
        missing -= ties.size
        start += piece.size
        if not missing:
            return


def _pieces(flat: _Scores) -> Iterator[_Scores]:
    """Yield a flat array piece by piece, each small enough for a core's cache."""
    for start in range(0, flat.size, _PIECE):
        yield flat[start : start + _PIECE]


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
