"""Method ``magnitude``: the smallest weights go, per layer or over all layers.

Source: Han et al. 2015, "Learning both weights and connections"; Zhu & Gupta 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from workbench.pruning.method import (
    Context,
    MaskSet,
    Method,
    MethodParams,
    Target,
    by_sparsity,
)
from workbench.pruning.methods._elements import (
    Sparsity,
    global_masks,
    layer_masks,
    weights_of,
)


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


def masks(targets: Sequence[Target], params: Params, context: Context) -> MaskSet:
    """Return masks that keep the weights of largest absolute value."""
    if not targets:
        return MaskSet({})
    scores = {name: weight.abs() for name, weight in weights_of(targets).items()}
    if params.scope == "layer":
        return MaskSet(layer_masks(scores, params.sparsity))
    chosen = global_masks(scores, params.sparsity, params.floor)
    note = f"global threshold, floor {params.floor:g}"
    return MaskSet(chosen, notes=dict.fromkeys(chosen, note))


METHOD = Method(
    name="magnitude",
    keeps="the weights of largest absolute value, per layer or globally with a floor",
    source="Han 2015, Learning both weights and connections; Zhu & Gupta 2017",
    params=Params,
    masks=masks,
    at_sparsity=by_sparsity,
)
