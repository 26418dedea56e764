"""Method ``random``: weights go at random; the control that others must beat."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.pruning.criteria import scored
from workbench.pruning.method import (
    Context,
    MaskSet,
    Method,
    MethodParams,
    Target,
    by_sparsity,
)
from workbench.pruning.methods._elements import Sparsity, layer_masks


class Params(MethodParams):
    """Sparsity alone; the draw depends on the recipe's seed and the layer id."""

    sparsity: Sparsity


def masks(targets: Sequence[Target], params: Params, context: Context) -> MaskSet:
    """Return masks of exactly round(sparsity * n) zeros at random places."""
    return MaskSet(layer_masks(scored(targets, "random", context), params.sparsity))


METHOD = Method(
    name="random",
    keeps="random weights (negative control)",
    source="the usual control of pruning papers",
    params=Params,
    masks=masks,
    at_sparsity=by_sparsity,
)
