"""Method ``sensitivity``: weights below s times the layer's deviation go.

Source: Han 2015; Distiller's "sensitivity pruner". The threshold s * sigma comes from
the dense weights and is fixed once: sparsity then follows from the layer's own
distribution rather than being asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import Annotated

import torch
from pydantic import Field

from workbench.pruning.method import (
    Context,
    MaskSet,
    Method,
    MethodParams,
    Refusal,
    Target,
)


class Params(MethodParams):
    """The multiplier ``s``: |w| <= s * sigma goes."""

    s: Annotated[
        float, Field(gt=0, description="threshold in standard deviations of the layer")
    ]


def masks(targets: Sequence[Target], params: Params, context: Context) -> MaskSet:
    """Return masks that keep |w| > s * sigma (population deviation of the layer)."""
    kept: dict[str, torch.Tensor] = {}
    notes: dict[str, str] = {}
    for target in targets:
        size = target.weight.double()
        sigma = float(size.std(correction=0))
        mask = target.weight.abs() > params.s * sigma
        if not bool(mask.any()):
            most = float(target.weight.abs().max()) / sigma if sigma else 0.0
            raise Refusal(
                f"s = {params.s:g} for '{target.id}', above its largest weight",
                f"s below {most:.3g}",
                "Lower s for this layer.",
            ).raised()
        kept[target.id] = mask
        notes[target.id] = f"threshold {params.s * sigma:.4g} = {params.s:g} sigma"
    return MaskSet(kept, notes=notes)


def at_sparsity(sparsity: float) -> dict[str, object]:
    """Return the s that would give this sparsity if weights were normal around zero.

    P(|w| <= s sigma) = 2 Phi(s) - 1.
    """
    return {"s": NormalDist().inv_cdf((1 + max(sparsity, 1e-9)) / 2)}


METHOD = Method(
    name="sensitivity",
    keeps="the weights above s times the layer's standard deviation",
    source="Han 2015; Distiller sensitivity pruner",
    params=Params,
    masks=masks,
    at_sparsity=at_sparsity,
)
