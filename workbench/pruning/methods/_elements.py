"""What the element methods share: exact counts per layer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import torch
from pydantic import Field

from workbench.pruning.select import count_of, smallest

Sparsity = Annotated[
    float, Field(ge=0, lt=1, description="zeros / total, 0 <= sparsity < 1")
]
RoundTo = Annotated[
    int, Field(ge=1, description="the kept channels become a multiple of this")
]


def layer_masks(
    scores: Iterable[tuple[str, torch.Tensor]], sparsity: float
) -> dict[str, torch.Tensor]:
    """Return masks that remove exactly round(sparsity * n) weights of each layer."""
    return {
        name: smallest(score, count_of(sparsity, score.numel())).logical_not_()
        for name, score in scores
    }
