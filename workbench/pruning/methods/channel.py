"""Method ``channel``: a layer's input channels go, with the filters that make them.

Source: He et al. 2017, "Channel Pruning for Accelerating Very Deep Neural Networks",
with the scores of Li 2017 taken over a layer's columns rather than its rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from workbench.pruning.channels import channel_masks
from workbench.pruning.criteria import Criterion
from workbench.pruning.method import (
    Context,
    MaskSet,
    Method,
    MethodParams,
    Target,
    by_sparsity,
)
from workbench.pruning.methods._elements import RoundTo, Sparsity


class Params(MethodParams):
    """Share of input channels, how they are scored, and a multiple for the rest."""

    sparsity: Sparsity
    criterion: Criterion = "l1"
    round_to: RoundTo = 1


def masks(targets: Sequence[Target], params: Params, context: Context) -> MaskSet:
    """Return masks that remove the least used input channels group by group."""
    return channel_masks(
        targets,
        context,
        side="in",
        sparsity=params.sparsity,
        criterion=params.criterion,
        round_to=params.round_to,
    )


METHOD = Method(
    name="channel",
    keeps="the input channels of largest norm, by coupling group",
    source="He 2017, Channel Pruning; Li 2017",
    params=Params,
    masks=masks,
    at_sparsity=by_sparsity,
    granularity="channel",
)
