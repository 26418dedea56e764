"""Method ``block``: blocks of n output channels at one input position go together.

Source: Elsen et al. 2020, "Fast Sparse ConvNets": n x 1 blocks along the output
channels let a kernel load an input once for n outputs. A block's score is the mean of
its weights' scores, which equals the norm for whole blocks and stays fair to the
shorter last block where n does not divide the channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field

from workbench.models.network import Layer
from workbench.pruning.criteria import Criterion, scores_of
from workbench.pruning.method import (
    Context,
    MaskSet,
    Method,
    MethodParams,
    Refusal,
    Target,
    by_sparsity,
)
from workbench.pruning.methods._elements import Sparsity
from workbench.pruning.select import count_of, smallest


class Params(MethodParams):
    """Share of blocks that go, their height, and the score.

    Parameters
    ----------
    sparsity : float
        Share of blocks: exactly round(sparsity * blocks) go in each layer.
    n : int
        Output channels a block: 2, 4, 8 or 16, as the kernels have them.
    criterion : str
        Key of the criteria table.
    """

    sparsity: Sparsity
    n: Annotated[
        Literal[2, 4, 8, 16],
        Field(description="output channels a block: 2, 4, 8 or 16"),
    ] = 4
    criterion: Criterion = "l1"


def refuses(layer: Layer, params: Params) -> Refusal | None:
    """Return why the layer's output channels share no input, or None."""
    per_group = layer.weight_shape[0] // layer.groups
    if layer.depthwise or per_group < params.n:
        what = "depthwise layer" if layer.depthwise else "layer"
        return Refusal(
            f"{what} '{layer.id}' with {per_group} output channels a group",
            f"{params.n} that read the same inputs",
            "Use 'magnitude' here, or a smaller n.",
        )
    return None


def masks(targets: Sequence[Target], params: Params, context: Context) -> MaskSet:
    """Return masks that are constant over each block of n output channels."""
    kept = {}
    found = scores_of(targets, params.criterion, context)
    for target in targets:
        kept[target.id] = block_mask(
            found[target.id], params.sparsity, n=params.n, groups=target.layer.groups
        )
    return MaskSet(kept)


def block_mask(
    scores: torch.Tensor, sparsity: float, *, n: int, groups: int
) -> torch.Tensor:
    """Return the mask of one layer; blocks never cross a group's border.

    Parameters
    ----------
    scores : torch.Tensor
        (O, I, KH, KW) or (O, I).
    sparsity : float
        Share of blocks that go.
    n, groups : int
        Block height and convolution groups.
    """
    rows = scores.shape[0] // groups
    grid = scores.double().reshape(groups, rows, -1)
    parts = torch.split(grid, n, dim=1)
    sums = torch.stack([part.sum(dim=1) for part in parts], dim=1)
    heights = torch.tensor([part.shape[1] for part in parts])
    means = sums / heights[None, :, None]
    stay = ~smallest(means, count_of(sparsity, means.numel()))
    return stay.repeat_interleave(heights, dim=1).reshape(scores.shape)


METHOD = Method(
    name="block",
    keeps="n x 1 blocks along output channels, of largest mean weight",
    source="Elsen 2020, Fast Sparse ConvNets",
    params=Params,
    masks=masks,
    at_sparsity=by_sparsity,
    refuses=refuses,
    granularity="block",
)
