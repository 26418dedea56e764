"""The table of criteria: what scores every weight by how much it matters.

Belongs here: the table and how methods ask it. A new criterion is a function in one of
this package's files and a line in ``CRITERIA``. A score has the weight's shape; larger
means more worth keeping; a group's score is the sum of its members' scores, so that any
method of any granularity can take any criterion.
Does not belong here: turning scores into masks (``methods/``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated

import torch
from pydantic import AfterValidator, Field

from workbench.pruning.criteria import filters, measured, weights
from workbench.pruning.criteria.row import CriterionRow
from workbench.pruning.method import Context, Target

_ALL = (
    CriterionRow("l1", weights.l1, "|w|", "Li 2017; Han 2015"),
    CriterionRow("l2", weights.l2, "w squared", "He 2018, soft filter pruning"),
    CriterionRow("random", weights.random, "uniform in 0..1", "the usual control"),
    CriterionRow(
        "lamp",
        weights.lamp,
        "w squared over the sum of all squares that are not smaller",
        "Lee 2021, Layer-adaptive sparsity",
    ),
    CriterionRow(
        "fpgm",
        filters.fpgm,
        "a filter's distance to all others of its layer",
        "He 2019, Filter pruning via geometric median",
    ),
    CriterionRow(
        "bn_scale",
        filters.bn_scale,
        "|gamma| of the batch norm behind the filter",
        "Liu 2017, Network slimming",
    ),
    CriterionRow(
        "taylor",
        measured.taylor,
        "(gradient x weight) squared on a batch",
        "Molchanov 2019, Importance estimation",
        needs_data=True,
    ),
    CriterionRow(
        "apoz",
        measured.apoz,
        "share of a filter's outputs that a ReLU lets through",
        "Hu 2016, Network trimming",
        needs_data=True,
    ),
)

CRITERIA: Mapping[str, CriterionRow] = MappingProxyType({row.name: row for row in _ALL})

_OTHER_NAMES: Mapping[str, str] = MappingProxyType({"magnitude": "l1"})


def known(criterion: str) -> str:
    """Return the criterion's name, or raise ValueError with the names there are.

    Examples
    --------
    >>> known("magnitude")
    'l1'
    """
    name = _OTHER_NAMES.get(criterion, criterion)
    if name not in CRITERIA:
        raise ValueError("one of " + ", ".join(CRITERIA))
    return name


Criterion = Annotated[
    str,
    AfterValidator(known),
    Field(description="how weights are scored: " + ", ".join(CRITERIA)),
]


def score(
    criterion: str, layer_id: str, *, weight: torch.Tensor, context: Context
) -> torch.Tensor:
    """Return the scores of one layer's weights, of the weight's shape, at least 0.

    Raises
    ------
    MethodError
        The criterion lacks what it reads: data, or a batch norm behind the layer.
    """
    return CRITERIA[known(criterion)].score(layer_id, weight, context)


def scored(
    targets: Sequence[Target], criterion: str, context: Context
) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield layer id and scores, one target after the other.

    For methods that look at one layer at a time: scores of a large network are as large
    as its weights.
    """
    for target in targets:
        yield (
            target.id,
            score(criterion, target.id, weight=target.weight, context=context),
        )


def scores_of(
    targets: Sequence[Target], criterion: str, context: Context
) -> dict[str, torch.Tensor]:
    """Return the scores of every target's weights by layer id, all at once."""
    return dict(scored(targets, criterion, context))
