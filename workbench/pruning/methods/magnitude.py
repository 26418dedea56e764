"""Method ``magnitude``: the smallest weights go, per layer or over all layers.

Source: Han et al. 2015, "Learning both weights and connections"; Zhu & Gupta 2017. With
another criterion than l1 the scores are ranked in place of |w| (``taylor``, ``lamp``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field

from workbench.pruning.criteria import Criterion, scored
from workbench.pruning.method import (
    Context,
    MaskSet,
    Method,
    MethodParams,
    Target,
    by_sparsity,
)
from workbench.pruning.methods._elements import Sparsity, layer_masks
from workbench.pruning.select import floor_count, global_masks


class Params(MethodParams):
    """Sparsity, and whether one threshold serves all layers of the rule.

    Parameters
    ----------
    sparsity : float
        Share of weights that go: exactly round(sparsity * n).
    scope : "layer" or "global"
        Threshold per layer, or one over all layers that the rule matches.
    floor : float
        With global scope, the share of each layer's weights that stays in any case.
    criterion : str
        Key of the criteria table.
    """

    sparsity: Sparsity
    scope: Annotated[
        Literal["layer", "global"],
        Field(description="one threshold a layer, or one over all layers"),
    ] = "layer"
    floor: Annotated[
        float,
        Field(ge=0, lt=1, description="share of each layer that stays (global scope)"),
    ] = 0.01
    criterion: Criterion = "l1"


def masks(targets: Sequence[Target], params: Params, context: Context) -> MaskSet:
    """Return masks that keep the weights of largest score."""
    if not targets:
        return MaskSet({})
    scores = scored(targets, params.criterion, context)
    if params.scope == "layer":
        return MaskSet(layer_masks(scores, params.sparsity))
    chosen = global_masks(dict(scores), params.sparsity, params.floor)
    return MaskSet(chosen, notes=_floors(chosen, params.floor))


def _floors(chosen: Mapping[str, torch.Tensor], floor: float) -> dict[str, str]:
    """Return a note a layer that shows its floor, and whether it was needed."""
    notes = {}
    for name, mask in chosen.items():
        least = floor_count(floor, mask.numel())
        held = ", reached" if int(torch.count_nonzero(mask)) == least else ""
        notes[name] = f"global threshold; floor {floor:g} = {least} weights{held}"
    return notes


METHOD = Method(
    name="magnitude",
    keeps="the weights of largest absolute value, per layer or globally with a floor",
    source="Han 2015, Learning both weights and connections; Zhu & Gupta 2017",
    params=Params,
    masks=masks,
    at_sparsity=by_sparsity,
)
