"""Method ``channel``: a layer's input channels go, with the filters that make them.

Source: He et al. 2017, "Channel Pruning for Accelerating Very Deep Neural Networks",
with the scores of Li 2017 taken over a layer's columns rather than its rows.
"""

from __future__ import annotations

from workbench.pruning.method import Method, by_sparsity
from workbench.pruning.methods._channels import ChannelParams, masks_of


class Params(ChannelParams):
    """Share of input channels, their score, and a multiple for the kept number."""


METHOD = Method(
    name="channel",
    keeps="the input channels of largest norm, by coupling group",
    source="He 2017, Channel Pruning; Li 2017",
    params=Params,
    masks=masks_of("in"),
    at_sparsity=by_sparsity,
    granularity="channel",
)
