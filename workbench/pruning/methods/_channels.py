"""What ``filter`` and ``channel`` share: their parameters and the work by groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field

from workbench.pruning.channels import Choice, channel_masks, unit_scores
from workbench.pruning.coupling.values import CouplingGroup, Side
from workbench.pruning.criteria import Criterion
from workbench.pruning.method import Context, MaskSet, MethodParams, Target
from workbench.pruning.methods._elements import RoundTo, Sparsity


class ChannelParams(MethodParams):
    """Share of channels, how they are scored, and a multiple for the kept number.

    Parameters
    ----------
    sparsity : float
        Share of the channels that go. Parameters fall by more, since the neighbours
        lose theirs: about 1 - (1 - sparsity)^2 within a network.
    criterion : str
        Key of the criteria table.
    round_to : int
        The kept channels become a multiple of this (8 or 16 suit vector units).
    scope : "layer" or "global"
        Share of each coupling group, or one threshold over all groups of the rule. A
        norm grows with a filter's size, so that the threshold is on scores over the
        mean of their group (Torch-Pruning's convention).
    floor : float
        With global scope, the share of each group's channels that stays in any case.
    """

    sparsity: Sparsity
    criterion: Criterion = "l1"
    round_to: RoundTo = 1
    scope: Annotated[
        Literal["layer", "global"],
        Field(description="share of each layer, or one threshold over all layers"),
    ] = "layer"
    floor: Annotated[
        float,
        Field(ge=0, lt=1, description="share of each layer that stays (global scope)"),
    ] = 0.1


def masks_of(
    side: Side,
) -> Callable[[Sequence[Target], ChannelParams, Context], MaskSet]:
    """Return the function that removes one side's channels."""

    def masks(
        targets: Sequence[Target], params: ChannelParams, context: Context
    ) -> MaskSet:
        def scores(group: CouplingGroup) -> torch.Tensor:
            found = unit_scores(
                group, side, criterion=params.criterion, context=context
            )
            if params.scope == "layer":
                return found
            return found / found.mean().clamp_min(torch.finfo(found.dtype).tiny)

        choice = Choice(params.sparsity, params.round_to, params.scope, params.floor)
        return channel_masks(targets, context, side=side, scores=scores, choice=choice)

    return masks
