"""Method ``pconv``: patterns inside kernels and connectivity between them, one-shot.

Source: PCONV (Ma et al. 2020). Each kernel is projected onto the dictionary, then the
kernels that retain least energy are cut, the same number in every filter; each kernel
that stays has exactly 4 of 9 entries. This is the Euclidean projection that ADMM uses.
"""

from __future__ import annotations

from workbench.pruning.method import Method
from workbench.pruning.methods._connectivity import Connectivity
from workbench.pruning.methods._patterned import PatternParams, masks, refuses
from workbench.pruning.methods.pattern import at_sparsity


class Params(PatternParams):
    """The dictionary, and the share of kernels to cut (must be given)."""

    connectivity: Connectivity


def _at_sparsity(sparsity: float) -> dict[str, object]:
    """Return the connectivity for a sparsity: 1 - (4/9) (1 - connectivity)."""
    return {"connectivity": 0.0, **at_sparsity(sparsity)}


METHOD = Method(
    name="pconv",
    keeps="4 entries in one of K shapes in the kernels that stay connected",
    source="Ma 2020, PCONV; Niu 2020, PatDNN",
    params=Params,
    masks=masks,
    at_sparsity=_at_sparsity,
    refuses=refuses,
    granularity="pattern",
)
