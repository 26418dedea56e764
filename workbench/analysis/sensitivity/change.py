"""How far a network's scores moved from the dense network's.

Belongs here: relative L2 and KL divergence, batch by batch. Does not belong here:
what accuracy is (``accuracy``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch

from workbench.analysis.accuracy import Accuracy, Tally


class Change:
    """Return a measure of change that grows batch by batch.

    Examples
    --------
    Scores (3, 4) that become (3, 0): norm 4 of 5.

    >>> change = Change()
    >>> change.add(torch.tensor([[3.0, 4.0]]), torch.tensor([[3.0, 0.0]]))
    >>> change.relative_l2
    0.8
    """

    def __init__(self) -> None:
        self._square = self._norm = self._kl = 0.0
        self._images = 0

    def add(self, dense: torch.Tensor, pruned: torch.Tensor) -> None:
        """Count one batch of scores, both (N, classes)."""
        p, q = dense.double(), pruned.double()
        self._square += float(((p - q) ** 2).sum())
        self._norm += float((p**2).sum())
        logs = torch.log_softmax(p, dim=1)
        terms = logs.exp() * (logs - torch.log_softmax(q, dim=1))
        self._kl += float(terms.sum())
        self._images += len(p)

    @property
    def relative_l2(self) -> float | None:
        """|pruned - dense| / |dense| over all scores; None if it is no number."""
        return _finite(math.sqrt(self._square / self._norm)) if self._norm else None

    @property
    def kl(self) -> float | None:
        """Mean KL(dense || pruned) of the softmax, nats, at least 0."""
        found = _finite(self._kl / self._images) if self._images else None
        return None if found is None else max(found, 0.0)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def compare(
    dense: Sequence[torch.Tensor],
    runs: Iterable[torch.Tensor],
    labels: torch.Tensor,
    classes: int,
) -> tuple[Accuracy, Change]:
    """Return accuracy, and change from the dense scores, of the same batches.

    Parameters
    ----------
    dense, runs : iterables of torch.Tensor
        Scores (batch, classes) of the dense network and of another.
    labels : torch.Tensor
        int64, of all batches.
    classes : int
        How many classes the data has.
    """
    tally, change = Tally(classes), Change()
    for before, scores in zip(dense, runs, strict=True):
        start = tally.images
        tally.add(scores, labels[start : start + len(scores)])
        change.add(before, scores)
    return tally.accuracy(), change
