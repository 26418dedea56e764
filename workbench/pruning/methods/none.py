"""Method ``none``: the layer stays dense."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.pruning.method import (
    Context,
    MaskSet,
    Method,
    MethodError,
    MethodParams,
    Target,
)


class Params(MethodParams):
    """``none`` takes no parameter."""


def masks(targets: Sequence[Target], params: Params, context: Context) -> MaskSet:
    """Return no mask at all."""
    return MaskSet({})


def at_sparsity(sparsity: float) -> dict[str, object]:
    """Return no parameters; only sparsity 0 can be asked of ``none``."""
    if sparsity:
        raise MethodError(
            f"sparsity {sparsity:g} with method 'none'",
            "sparsity 0",
            "Choose a method that prunes, for example 'magnitude'.",
        )
    return {}


METHOD = Method(
    name="none",
    keeps="every weight",
    source="the dense network",
    params=Params,
    masks=masks,
    at_sparsity=at_sparsity,
)
