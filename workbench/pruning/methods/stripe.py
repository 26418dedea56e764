"""Method ``stripe``: 1 x 1 stripes go, one position of a filter over all its inputs.

Source: Meng et al. 2020, "Pruning Filter in Filter": a k x k filter is k * k stripes of
shape (I, 1, 1). One-shot: stripes are ranked by their norm in the layer; the mask is
constant along the input channels.
"""

from __future__ import annotations

from collections.abc import Sequence

from workbench.models.network import Layer
from workbench.pruning.criteria import Criterion, scores_of
from workbench.pruning.method import (
    Context,
    MaskSet,
    Method,
    MethodParams,
    Refusal,
    Target,
    by_sparsity,
)
from workbench.pruning.methods._elements import Sparsity
from workbench.pruning.select import count_of, smallest


class Params(MethodParams):
    """Share of stripes that go (exactly round(sparsity * O * KH * KW)), and the score.

    A filter that loses all its stripes is gone; the report counts it as removed.
    """

    sparsity: Sparsity
    criterion: Criterion = "l1"


def refuses(layer: Layer, params: Params) -> Refusal | None:
    """Return why the layer has no stripes, or None."""
    if layer.kernel_size == (1, 1):
        what = "linear layer" if layer.kind == "linear" else "1x1 layer"
        return Refusal(
            f"{what} '{layer.id}', where a stripe is a whole filter",
            "kernels larger than 1x1",
            "Use 'filter' or 'magnitude' for this layer.",
        )
    if layer.depthwise:
        return Refusal(
            f"depthwise layer '{layer.id}', where a stripe is a single weight",
            "several input channels a filter",
            "Use 'magnitude' for this layer.",
        )
    return None


def masks(targets: Sequence[Target], params: Params, context: Context) -> MaskSet:
    """Return masks that are constant along the input channels."""
    kept = {}
    found = scores_of(targets, params.criterion, context)
    for name, scores in found.items():
        stripes = scores.double().sum(dim=1, keepdim=True)
        stay = ~smallest(stripes, count_of(params.sparsity, stripes.numel()))
        kept[name] = stay.expand(scores.shape).clone()
    return MaskSet(kept)


METHOD = Method(
    name="stripe",
    keeps="the 1x1 stripes of filters of largest norm",
    source="Meng 2020, Pruning Filter in Filter",
    params=Params,
    masks=masks,
    at_sparsity=by_sparsity,
    refuses=refuses,
    granularity="stripe",
)
