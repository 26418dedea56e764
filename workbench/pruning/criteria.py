"""Criteria: functions that score every weight by how much it matters.

Belongs here: one function a criterion and one line in ``CRITERIA``. A score has
the weight's shape; larger means more worth keeping; a group's score is the sum of
its members' scores, so that any method of any granularity can take any criterion.
Does not belong here: turning scores into masks (``methods/``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated

import numpy as np
import torch
from pydantic import AfterValidator, Field

from workbench.pruning.method import Context, Target
from workbench.pruning.select import generator

Score = Callable[[str, torch.Tensor, Context], torch.Tensor]


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


CRITERIA: Mapping[str, Score] = MappingProxyType(
    {
        "l1": l1,
        "magnitude": l1,
        "l2": l2,
        "random": random,
    }
)


def known(criterion: str) -> str:
    """Return the criterion's name, or raise ValueError with the names there are."""
    if criterion not in CRITERIA:
        raise ValueError("one of " + ", ".join(CRITERIA))
    return criterion


Criterion = Annotated[
    str,
    AfterValidator(known),
    Field(description="how weights are scored: l1, l2 or random"),
]


def score(
    criterion: str, layer_id: str, *, weight: torch.Tensor, context: Context
) -> torch.Tensor:
    """Return the scores of one layer's weights, float, of the weight's shape."""
    return CRITERIA[criterion](layer_id, weight, context)


def scores_of(
    targets: Sequence[Target], criterion: str, context: Context
) -> dict[str, torch.Tensor]:
    """Return the scores of every target's weights by layer id."""
    return {
        target.id: score(criterion, target.id, weight=target.weight, context=context)
        for target in targets
    }
