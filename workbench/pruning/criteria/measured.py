"""Criteria that look at images: taylor, apoz."""

from __future__ import annotations

import torch

from workbench.pruning.criteria.filters import shared_out
from workbench.pruning.method import Context


def taylor(layer_id: str, weight: torch.Tensor, context: Context) -> torch.Tensor:
    """Return (gradient x weight) squared, averaged over the batches.

    It estimates the squared change of the loss when the weight becomes zero, to first
    order; sums over a filter are the paper's additive group score.

    Source: Molchanov et al. 2019, "Importance Estimation for Neural Network Pruning",
    eq. 8.
    """
    return context.calibration("taylor").taylor[layer_id]


def apoz(layer_id: str, weight: torch.Tensor, context: Context) -> torch.Tensor:
    """Return 1 - APoZ: the share of a filter's outputs above zero, over the images.

    Outputs are taken behind the layer's batch norm where there is one, before a
    residual sum.

    Source: Hu et al. 2016, "Network Trimming", eq. 1 (average percentage of zeros).
    """
    return shared_out(context.calibration("apoz").active[layer_id], weight)
