"""Method ``nm``: of every m consecutive input channels, n weights are kept.

Source: Mishra et al. 2021, "Accelerating Sparse Deep Neural Networks" (keep 2 of 4),
here for any n of m. n is the number that is *kept*, always. Groups run along the input
channels at one output channel and one kernel position; where m does not divide the
channels, the shorter last group keeps at most n too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field, model_validator

from workbench.models.network import Layer
from workbench.pruning.criteria import Criterion, scores_of
from workbench.pruning.method import (
    Context,
    MaskSet,
    Method,
    MethodParams,
    Refusal,
    Target,
)
from workbench.pruning.select import smallest_per_row

SIZES = (4, 8, 16)


class Params(MethodParams):
    """Keep ``n`` of every ``m`` weights along the input channels."""

    n: Annotated[int, Field(ge=1, description="weights kept of every m")] = 2
    m: Annotated[
        int, Field(ge=2, le=64, description="input channels a group, 2..64")
    ] = 4
    criterion: Criterion = "l1"

    @model_validator(mode="after")
    def _n_below_m(self) -> Params:
        if self.n >= self.m:
            raise ValueError(f"n below m = {self.m}, since n is what is kept")
        return self


def refuses(layer: Layer, params: Params) -> Refusal | None:
    """Return why the layer has no group of m to choose from, or None."""
    inputs = layer.weight_shape[1]
    if inputs <= params.n:
        what = "depthwise layer" if layer.depthwise else "layer"
        return Refusal(
            f"{what} '{layer.id}' with {inputs} input channels a filter",
            f"more than the {params.n} that are kept",
            "Use 'magnitude' for this layer.",
        )
    return None


def masks(targets: Sequence[Target], params: Params, context: Context) -> MaskSet:
    """Return masks with at most n of every m input channels."""
    found = scores_of(targets, params.criterion, context)
    return MaskSet(
        {name: nm_mask(scores, params.n, params.m) for name, scores in found.items()}
    )


def nm_mask(scores: torch.Tensor, n: int, m: int) -> torch.Tensor:
    """Return the mask of one layer, scores (O, I, KH, KW) or (O, I).

    Examples
    --------
    >>> nm_mask(torch.tensor([[1.0, 4.0, 2.0, 3.0, 9.0, 8.0]]), 2, 4).int().tolist()
    [[0, 1, 0, 1, 1, 1]]
    """
    last = scores.movedim(1, -1)
    inputs = last.shape[-1]
    # Filling scores below every real one, so that fillers fall before weights do.
    padded = torch.nn.functional.pad(last, (0, -inputs % m), value=-1.0)
    gone = smallest_per_row(padded.reshape(-1, m), m - n)
    stay = ~gone.reshape(padded.shape)[..., :inputs]
    return stay.movedim(-1, 1).contiguous()


def at_sparsity(sparsity: float) -> dict[str, object]:
    """Return the n of m, m in 4, 8, 16, nearest to a sparsity of 1 - n / m."""

    def distance(m: int) -> float:
        return abs(1 - _kept(sparsity, m) / m - sparsity)

    m = min(SIZES, key=distance)
    return {"n": _kept(sparsity, m), "m": m}


def _kept(sparsity: float, m: int) -> int:
    return min(m - 1, max(1, round((1 - sparsity) * m)))


METHOD = Method(
    name="nm",
    keeps="n weights of every m along the input channels (keep 2 of 4)",
    source="Mishra 2021, Accelerating Sparse Deep Neural Networks",
    params=Params,
    masks=masks,
    at_sparsity=at_sparsity,
    refuses=refuses,
    granularity="n:m",
)
