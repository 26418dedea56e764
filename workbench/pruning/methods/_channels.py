"""What ``filter`` and ``channel`` share: their parameters and the work by groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from workbench.pruning.channels import Choice, channel_masks, unit_scores
from workbench.pruning.criteria import Criterion
from workbench.pruning.groups import Side
from workbench.pruning.method import Context, MaskSet, MethodParams, Target
from workbench.pruning.methods._elements import RoundTo, Sparsity


class ChannelParams(MethodParams):
    """Share of channels, how they are scored, and a multiple for the kept number.

    Parameters
    ----------
    sparsity : float
        Share of each group's channels that go. Parameters fall by more, since the
        neighbours lose theirs: about 1 - (1 - sparsity)^2 within a network.
    criterion : str
        Key of the criteria table.
    round_to : int
        The kept channels become a multiple of this (8 or 16 suit vector units).
    """

    sparsity: Sparsity
    criterion: Criterion = "l1"
    round_to: RoundTo = 1


def masks_of(
    side: Side,
) -> Callable[[Sequence[Target], ChannelParams, Context], MaskSet]:
    """Return the function that removes one side's channels group by group."""

    def masks(
        targets: Sequence[Target], params: ChannelParams, context: Context
    ) -> MaskSet:
        return channel_masks(
            targets,
            context,
            side=side,
            scores=partial(
                unit_scores, side=side, criterion=params.criterion, context=context
            ),
            choice=Choice(params.sparsity, params.round_to),
        )

    return masks
