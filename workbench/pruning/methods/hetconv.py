"""Method ``hetconv``: in each filter 1/P of the kernels stay, the others become 1x1.

Source: Singh et al. 2019, "HetConv: Heterogeneous Kernel-Based Convolutions", section
3: filter f keeps its k x k kernels at the input channels c with c = f mod P and the
centre of all others, so that neighbouring filters cover different channels. MACs fall
to 1/P + (1 - 1/P) / k^2 of dense where P divides the channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import AliasChoices, Field

from workbench.models.network import Layer
from workbench.pruning.method import (
    Context,
    MaskSet,
    Method,
    MethodError,
    MethodParams,
    Refusal,
    Target,
)

MOST = 64


class Params(MethodParams):
    """``p`` (or ``P``): one kernel in p stays whole; the paper uses 1, 2, 4, ... 64."""

    p: Annotated[
        int,
        Field(
            ge=1,
            le=MOST,
            description="one kernel in p stays whole, 1..64",
            validation_alias=AliasChoices("p", "P"),
        ),
    ]


def refuses(layer: Layer, params: Params) -> Refusal | None:
    """Return why kernels of the layer cannot become 1x1, or None."""
    size = "x".join(str(side) for side in layer.kernel_size)
    if layer.kernel_size == (1, 1) or any(side % 2 == 0 for side in layer.kernel_size):
        what = "linear" if layer.kind == "linear" else f"{size} kernels in"
        return Refusal(
            f"{what} layer '{layer.id}'",
            "odd kernels larger than 1x1, which have a centre to keep",
            "Use 'kernel' or 'magnitude' for this layer.",
        )
    inputs = layer.weight_shape[1]
    if params.p > inputs:
        what = "depthwise layer" if layer.depthwise else "layer"
        return Refusal(
            f"p = {params.p} for {what} '{layer.id}' with {inputs} kernels a filter",
            f"p of {inputs} or less, so that every filter keeps a whole kernel",
            "Lower p for this layer.",
        )
    return None


def masks(targets: Sequence[Target], params: Params, context: Context) -> MaskSet:
    """Return the heterogeneous masks; they do not depend on the weights."""
    kept, notes = {}, {}
    for target in targets:
        shape = target.layer.weight_shape
        kept[target.id] = hetconv_mask(shape, params.p, target.layer.groups)
        if shape[1] % params.p:
            notes[target.id] = (
                f"p = {params.p} does not divide {shape[1]} channels: filters differ "
                "by one whole kernel"
            )
    return MaskSet(kept, notes=notes)


def hetconv_mask(shape: tuple[int, ...], p: int, groups: int = 1) -> torch.Tensor:
    """Return the mask of an OIHW weight: whole where c = f mod p, else the centre.

    Filters and channels are counted within their group.

    Examples
    --------
    >>> hetconv_mask((2, 4, 3, 3), 2).sum(dim=(2, 3)).tolist()
    [[9, 1, 9, 1], [1, 9, 1, 9]]
    """
    filters = torch.arange(shape[0]) % (shape[0] // groups)
    channels = torch.arange(shape[1])
    whole = (channels[None, :] - filters[:, None]) % p == 0
    mask = whole[:, :, None, None].expand(shape).clone()
    mask[:, :, shape[2] // 2, shape[3] // 2] = True
    return mask


def at_sparsity(sparsity: float) -> dict[str, object]:
    """Return the power of two nearest to a sparsity of (1 - 1/p) 8/9 (3x3 kernels).

    Powers of two divide the usual channel counts, so that filters do equal work.
    """
    limit = 8 / 9 * (1 - 1 / MOST)
    if sparsity > limit + 0.01:
        raise MethodError(
            f"sparsity {sparsity:g} with method 'hetconv'",
            f"at most {limit:.3f} (p = {MOST}), since every kernel keeps its centre",
            "Ask for less, or use 'pconv' or 'magnitude'.",
        )
    options = [2**power for power in range(MOST.bit_length())]
    return {"p": min(options, key=lambda p: abs(8 / 9 * (1 - 1 / p) - sparsity))}


METHOD = Method(
    name="hetconv",
    keeps="1/P of each filter's kernels whole, and the centre of the others",
    source="Singh 2019, HetConv",
    params=Params,
    masks=masks,
    at_sparsity=at_sparsity,
    refuses=refuses,
    granularity="kernel",
)
