"""What ``kernel``, ``pattern`` and ``pconv`` share: which kernels stay connected."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field

from workbench.models.network import Layer
from workbench.pruning.method import Refusal
from workbench.pruning.select import count_of, smallest, smallest_per_row

Connectivity = Annotated[
    float, Field(ge=0, lt=1, description="share of kernels removed, 0..1")
]
Balanced = Annotated[
    bool, Field(description="every filter loses the same number of kernels")
]


def kept_kernels(scores: torch.Tensor, sparsity: float, balanced: bool) -> torch.Tensor:
    """Return which kernels stay, bool (O, I): the ones of largest score.

    Parameters
    ----------
    scores : torch.Tensor
        (O, I); larger stays.
    sparsity : float
        Share of kernels that go.
    balanced : bool
        Every filter loses the same number, round(sparsity * I), which keeps the work
        of filters equal (PCONV, section 3.3); else round(sparsity * O * I) of the
        layer.
    """
    if balanced:
        return ~smallest_per_row(scores, count_of(sparsity, scores.shape[1]))
    return ~smallest(scores, count_of(sparsity, scores.numel()))


def refuses_connectivity(
    layer: Layer, sparsity: float, balanced: bool
) -> Refusal | None:
    """Return why kernels of this layer cannot be removed, or None."""
    if layer.kind == "linear":
        return Refusal(
            f"linear layer '{layer.id}', which has no kernels",
            "a convolution",
            "Use 'magnitude' or 'block' for linear layers.",
        )
    if not sparsity:
        return None
    if layer.depthwise:
        return Refusal(
            f"depthwise layer '{layer.id}', with one kernel a filter",
            "several kernels a filter",
            "Use 'filter' to remove its channels or 'magnitude' for its weights.",
        )
    inputs = layer.weight_shape[1]
    if balanced and count_of(sparsity, inputs) >= inputs:
        most = math.floor(1000 * (inputs - 1) / inputs) / 1000
        return Refusal(
            f"connectivity sparsity {sparsity:g} of '{layer.id}', "
            f"which empties its filters of {inputs} kernels",
            "at least one kernel left a filter",
            f"Write at most {most:g}, or balanced: false.",
        )
    return None
