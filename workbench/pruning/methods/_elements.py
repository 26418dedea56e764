"""What the element methods share: exact counts per layer or over all layers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated

import torch
from pydantic import Field

from workbench.pruning.method import MethodError, Target
from workbench.pruning.select import count_of, smallest

Sparsity = Annotated[
    float, Field(ge=0, lt=1, description="zeros / total, 0 <= sparsity < 1")
]
RoundTo = Annotated[
    int, Field(ge=1, description="the kept channels become a multiple of this")
]


def layer_masks(
    scores: Mapping[str, torch.Tensor], sparsity: float
) -> dict[str, torch.Tensor]:
    """Return masks that remove exactly round(sparsity * n) weights of each layer."""
    return {
        name: ~smallest(score, count_of(sparsity, score.numel()))
        for name, score in scores.items()
    }


def global_masks(
    scores: Mapping[str, torch.Tensor], sparsity: float, floor: float
) -> dict[str, torch.Tensor]:
    """Return masks from one threshold over all layers, with a floor per layer.

    Exactly round(sparsity * N) weights go. The best ceil(floor * n) weights of each
    layer, one at least, are out of reach, so that no layer is ever emptied.

    Raises
    ------
    MethodError
        The floors leave fewer weights to remove than the sparsity asks for.
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


def _guard(score: torch.Tensor, floor: float) -> torch.Tensor:
    """Return a copy in which the best weights of the layer score +inf."""
    total = score.numel()
    kept = max(1, math.ceil(floor * total))
    reachable = smallest(score, total - kept)
    return score.float().masked_fill(~reachable, math.inf)


def weights_of(targets: Sequence[Target]) -> dict[str, torch.Tensor]:
    """Return the targets' weights by layer id."""
    return {target.id: target.weight for target in targets}
