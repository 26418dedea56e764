"""Criteria that read the weights alone: l1, l2, random, lamp."""

from __future__ import annotations

import numpy as np
import torch

from workbench.pruning.method import Context
from workbench.pruning.select import generator


def l1(layer_id: str, weight: torch.Tensor, context: Context) -> torch.Tensor:
    """Return |w|; summed over a filter it is the L1 norm of Li 2017, eq. 1."""
    return weight.abs()


def l2(layer_id: str, weight: torch.Tensor, context: Context) -> torch.Tensor:
    """Return w squared; its sum over a group ranks groups by their L2 norm."""
    return weight.square()


def random(layer_id: str, weight: torch.Tensor, context: Context) -> torch.Tensor:
    """Return uniform random scores in 0..1: the control that others must beat."""
    rng = generator(context.seed, "criterion", layer_id)
    return torch.from_numpy(rng.random(tuple(weight.shape), dtype=np.float32))


def lamp(layer_id: str, weight: torch.Tensor, context: Context) -> torch.Tensor:
    """Return each weight's square over the sum of all squares not smaller than it.

    The layer's largest weight scores 1, so that one threshold over all layers (scope
    global) suits layers of any scale and empties none. In one layer the order is that
    of l1.

    Source: Lee et al. 2021, "Layer-adaptive sparsity for the magnitude-based pruning",
    eq. 3.

    Examples
    --------
    >>> lamp("a", torch.tensor([[1.0, -2.0, 2.0]]), Context(0, 0, {})).tolist()[0]
    [0.1111111111111111, 1.0, 0.5]
    """
    squares, order = weight.double().square().reshape(-1).sort(descending=True)
    above = squares.cumsum(0)
    scores = torch.zeros_like(squares)
    scores[order] = torch.where(above > 0, squares / above.clamp_min(1e-300), 0.0)
    return scores.reshape(weight.shape)
