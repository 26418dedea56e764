"""Method ``filter``: whole filters go, with everything that is coupled to them.

Source: Li et al. 2017, "Pruning Filters for Efficient ConvNets": a filter's score is
the sum of its absolute weights; here it is the sum over all coupled filters.
"""

from __future__ import annotations

from workbench.pruning.method import Method, by_sparsity
from workbench.pruning.methods._channels import ChannelParams, masks_of


class Params(ChannelParams):
    """Share of filters, their score, and a multiple for the kept number."""


METHOD = Method(
    name="filter",
    keeps="the filters of largest norm, by coupling group; can be removed physically",
    source="Li 2017, Pruning Filters for Efficient ConvNets",
    params=Params,
    masks=masks_of("out"),
    at_sparsity=by_sparsity,
    granularity="filter",
)
