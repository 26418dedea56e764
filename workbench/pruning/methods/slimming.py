"""Method ``slimming``: channels of small batch-norm scale go, over all layers at once.

Source: Liu et al. 2017, "Network Slimming": channels are ranked by |gamma| across the
whole network and one threshold removes the given share. Training with an L1 penalty on
gamma beforehand (``workbench/training``) is what makes the scales say something; this
is the pruning step. Channels coupled by a residual sum take the mean |gamma| of their
batch norms. Each coupling group keeps a floor, so that no layer is emptied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import torch
from pydantic import Field

from workbench.models.network import Layer
from workbench.pruning.channels import Choice, channel_masks
from workbench.pruning.coupling.values import CouplingGroup
from workbench.pruning.method import (
    Context,
    MaskSet,
    Method,
    MethodParams,
    Refusal,
    Target,
    by_sparsity,
)
from workbench.pruning.methods._elements import RoundTo, Sparsity


class Params(MethodParams):
    """Share of all channels that go, and what every layer keeps in any case.

    Parameters
    ----------
    sparsity : float
        Share of the channels of all layers of the rule, by one threshold.
    floor : float
        Share of each layer's channels out of the threshold's reach, one at least.
    round_to : int
        The kept channels of each layer become a multiple of this.
    """

    sparsity: Sparsity
    floor: Annotated[
        float,
        Field(ge=0, lt=1, description="share of each layer's channels that stays"),
    ] = 0.1
    round_to: RoundTo = 1


def refuses(layer: Layer, params: Params) -> Refusal | None:
    """Return why the layer has no batch norm, or None."""
    if layer.kind == "linear":
        return Refusal(
            f"linear layer '{layer.id}'",
            "convolutions with a batch norm behind them",
            "Use 'filter' for its neurons.",
        )
    return None


def masks(targets: Sequence[Target], params: Params, context: Context) -> MaskSet:
    """Return the masks of all channels below the global threshold."""
    scales = context.scales()
    notes: dict[str, str] = {}
    normed = []
    for target in targets:
        if target.id in scales:
            normed.append(target)
            continue
        refusal = Refusal(
            f"layer '{target.id}', which no batch norm follows",
            "a batch norm whose scale says how much a channel matters",
            "Use 'filter' for this layer.",
        )
        if target.explicit:
            raise refusal.raised()
        notes[target.id] = f"left dense: {refusal}"

    def mean_gamma(group: CouplingGroup) -> torch.Tensor:
        return _mean_gamma(group, scales)

    choice = Choice(params.sparsity, params.round_to, "global", params.floor)
    found = channel_masks(normed, context, side="out", scores=mean_gamma, choice=choice)
    return MaskSet(found.masks, found.channel_masks, {**notes, **found.notes})


def _mean_gamma(
    group: CouplingGroup, scales: Mapping[str, torch.Tensor]
) -> torch.Tensor:
    """Return each unit's mean |gamma| over its batch norms, float64 (size,)."""
    total = torch.zeros(group.size, dtype=torch.float64)
    count = torch.zeros(group.size, dtype=torch.float64)
    for member in group.members:
        if member.side == "out" and member.layer in scales:
            units = torch.from_numpy(member.units)
            inside = units >= 0
            gamma = scales[member.layer].abs().double()
            total.index_add_(0, units[inside], gamma[inside])
            count.index_add_(0, units[inside], torch.ones_like(gamma[inside]))
    return total / count.clamp_min(1)


METHOD = Method(
    name="slimming",
    keeps="the channels of largest batch-norm scale over all layers",
    source="Liu 2017, Network Slimming",
    params=Params,
    masks=masks,
    at_sparsity=by_sparsity,
    refuses=refuses,
    granularity="filter",
)
