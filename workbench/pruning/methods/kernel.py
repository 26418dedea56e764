"""Method ``kernel``: whole k x k kernels go; what is left is the connectivity.

Source: PCONV (Ma et al. 2020), connectivity pruning: connections between an input
and an output channel are cut by the norm of their kernel, the same number in every
filter so that the filters' work stays equal.
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
from workbench.pruning.methods._connectivity import (
    Balanced,
    Connectivity,
    kept_kernels,
    refuses_connectivity,
)


class Params(MethodParams):
    """Share of kernels that go, by which score, and whether filters stay balanced."""

    sparsity: Connectivity
    criterion: Criterion = "l2"
    balanced: Balanced = True


def refuses(layer: Layer, params: Params) -> Refusal | None:
    """Return why the layer has no kernels to remove, or None."""
    return refuses_connectivity(layer, params.sparsity, params.balanced)


def masks(targets: Sequence[Target], params: Params, context: Context) -> MaskSet:
    """Return masks that are constant over each kernel."""
    kept = {}
    found = scores_of(targets, params.criterion, context)
    for name, scores in found.items():
        kernels = scores.flatten(2).double().sum(dim=2)
        stay = kept_kernels(kernels, params.sparsity, params.balanced)
        kept[name] = stay[:, :, None, None].expand(scores.shape).clone()
    return MaskSet(kept)


METHOD = Method(
    name="kernel",
    keeps="the kernels of largest norm, the same number in each filter",
    source="Ma 2020, PCONV: connectivity pruning",
    params=Params,
    masks=masks,
    at_sparsity=by_sparsity,
    refuses=refuses,
    granularity="kernel",
)
