"""One row of the table of criteria."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from workbench.pruning.method import Context

Score = Callable[[str, torch.Tensor, Context], torch.Tensor]


@dataclass(frozen=True)
class CriterionRow:
    """A criterion by its name.

    Parameters
    ----------
    name : str
        As written in recipes.
    score : callable ``(layer id, weight, context) -> scores``
        Scores of the weight's shape, at least 0; larger stays.
    meaning : str
        What a weight's or filter's score is, in a few words.
    source : str
        Paper.
    needs_data : bool
        Whether it reads images: ``prune(network, recipe, data=...)``.
    """

    name: str
    score: Score
    meaning: str
    source: str
    needs_data: bool = False
