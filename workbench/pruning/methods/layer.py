"""Method ``layer``: whole residual blocks go; the sum passes their input on.

A trained residual network changes its features little by little, so that some blocks
can be left out altogether: the fastest pruning there is, since nothing is left to run.
The rule's ``match`` says which blocks are meant ("layer1.1.*" is one, "*" is all), and
``sparsity`` the share of these that goes, the ones of least mean score first.

Source: Huang & Wang 2018, "Data-Driven Sparse Structure Selection", section 3.2 (whole
blocks); Veit et al. 2016, "Residual networks behave like ensembles".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field

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
from workbench.pruning.residual_blocks import ResidualBlock
from workbench.pruning.select import count_of, smallest


class Params(MethodParams):
    """Share of the matched blocks that go, and their score."""

    sparsity: Annotated[
        float, Field(ge=0, le=1, description="share of the rule's blocks removed, 0..1")
    ]
    criterion: Criterion = "l1"


def masks(targets: Sequence[Target], params: Params, context: Context) -> MaskSet:
    """Return masks that empty whole blocks, batch norms and biases included."""
    by_id = {target.id: target for target in targets}
    blocks = [b for b in context.blocks() if all(name in by_id for name in b.layers)]
    notes = _left(targets, blocks, context)
    members = [by_id[name] for block in blocks for name in block.layers]
    scores = scores_of(members, params.criterion, context)
    means = torch.tensor([_mean(block, scores) for block in blocks])
    gone = smallest(means, count_of(params.sparsity, len(blocks)))
    kept: dict[str, torch.Tensor] = {}
    others: dict[str, torch.Tensor] = {}
    for block, goes in zip(blocks, gone.tolist(), strict=True):
        remark = "removed with its block" if goes else "kept: a better block is"
        notes.update(dict.fromkeys(block.layers, f"{remark} '{block.name}'"))
        if not goes:
            continue
        weights = {f"{name}.weight": name for name in block.layers}
        for name in block.parameters:
            if name in weights:
                target = by_id[weights[name]]
                kept[target.id] = torch.zeros(target.weight.shape, dtype=torch.bool)
            else:
                others[name] = torch.zeros(context.shapes[name], dtype=torch.bool)
    return MaskSet(kept, others, notes)


def _mean(block: ResidualBlock, scores: dict[str, torch.Tensor]) -> float:
    """Return the mean score of the block's weights, fair to blocks of any width."""
    total = sum(float(scores[name].double().sum()) for name in block.layers)
    return total / sum(scores[name].numel() for name in block.layers)


def _left(
    targets: Sequence[Target], blocks: Sequence[ResidualBlock], context: Context
) -> dict[str, str]:
    """Return notes on targets outside the blocks; raise for one that was named."""
    inside = {name for block in blocks for name in block.layers}
    notes = {}
    for target in targets:
        if target.id in inside:
            continue
        refusal = _refusal(target, context.blocks())
        if target.explicit:
            raise refusal.raised()
        notes[target.id] = f"left dense: {refusal}"
    return notes


def _refusal(target: Target, blocks: Sequence[ResidualBlock]) -> Refusal:
    for block in blocks:
        if target.id in block.layers:
            return Refusal(
                f"layer '{target.id}' without the other layers of '{block.name}'",
                "a rule that covers the whole block",
                f"Write match: '{block.name}.*'.",
            )
    return Refusal(
        f"layer '{target.id}', outside of blocks that can be left out",
        "a residual block that gives its input's shape without a projection",
        "Use 'filter' to make it narrower.",
    )


METHOD = Method(
    name="layer",
    keeps="the residual blocks of largest mean weight; the others are left out whole",
    source="Huang & Wang 2018; Veit 2016",
    params=Params,
    masks=masks,
    at_sparsity=by_sparsity,
    granularity="layer",
)
