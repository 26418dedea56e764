"""Method ``filter``: whole filters go, with everything that is coupled to them.

Source: Li et al. 2017, "Pruning Filters for Efficient ConvNets": a filter's score is
the sum of its absolute weights; here it is the sum over all coupled filters.
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
    """Share of filters, how they are scored, and a multiple for the kept number.

    Parameters
    ----------
    sparsity : float
        Share of each layer's filters that go. Parameters fall by more, since the next
        layer loses its inputs: about 1 - (1 - sparsity)^2 within a network.
    criterion : str
        Key of the criteria table.
    round_to : int
        The kept filters become a multiple of this (8 or 16 suit vector units).
    """

    sparsity: Sparsity
    criterion: Criterion = "l1"
    round_to: RoundTo = 1


def masks(targets: Sequence[Target], params: Params, context: Context) -> MaskSet:
    """Return masks that remove filters group by group."""
    return channel_masks(
        targets,
        context,
        side="out",
        sparsity=params.sparsity,
        criterion=params.criterion,
        round_to=params.round_to,
    )


METHOD = Method(
    name="filter",
    keeps="the filters of largest norm, by coupling group; can be removed physically",
    source="Li 2017, Pruning Filters for Efficient ConvNets",
    params=Params,
    masks=masks,
    at_sparsity=by_sparsity,
    granularity="filter",
)
