"""What ``pattern`` and ``pconv`` share: dictionaries, assignment, masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from pydantic import AliasChoices, Field, model_validator

from workbench.models.network import Layer
from workbench.pruning import patterns as scp
from workbench.pruning.method import (
    Context,
    MaskSet,
    MethodParams,
    Refusal,
    Target,
)
from workbench.pruning.methods._connectivity import (
    Balanced,
    Connectivity,
    kept_kernels,
    refuses_connectivity,
)

FIXED = ("elog", "gaussian")
FIXED_COUNT = 4
DEFAULT_COUNT = 8


class PatternParams(MethodParams):
    """The dictionary of patterns, and the share of kernels that go altogether.

    Parameters
    ----------
    patterns : int, optional
        Number of patterns K in the dictionary, 1..56; the paper uses 4, 6, 8 and 12.
        8 if left out; the sets "elog" and "gaussian" have exactly 4. ``K`` is read too.
    set : "network", "elog", "gaussian" or "random"
        The most frequent patterns of the weights themselves, the paper's fixed set, the
        four squares that make a Gaussian, or random ones (the negative control).
    scope : "network" or "layer"
        Whether the most frequent patterns are counted over all layers of the rule or
        in each layer alone.
    connectivity : float
        Share of kernels removed, 0..1, by the energy that their pattern retains.
    balanced : bool
        Remove the same number of kernels in every filter.
    """

    patterns: Annotated[
        Annotated[int, Field(ge=1, le=56)] | None,
        Field(
            description="number of patterns K, 1..56; the paper uses 4, 6, 8, 12",
            validation_alias=AliasChoices("patterns", "K"),
        ),
    ] = None
    set: Annotated[
        Literal["network", "elog", "gaussian", "random"],
        Field(
            description="the weights' own patterns, one of two fixed sets, or random"
        ),
    ] = "network"
    scope: Annotated[
        Literal["network", "layer"],
        Field(description="where the most frequent patterns are counted"),
    ] = "network"
    connectivity: Connectivity = 0.0
    balanced: Balanced = True

    @model_validator(mode="after")
    def _fixed_sets_have_four(self) -> PatternParams:
        if self.set in FIXED and self.patterns not in (None, FIXED_COUNT):
            raise ValueError(f"{FIXED_COUNT} patterns with the set '{self.set}'")
        return self

    @property
    def count(self) -> int:
        """Return K, with its default for the set."""
        default = FIXED_COUNT if self.set in FIXED else DEFAULT_COUNT
        return self.patterns or default


def refuses(layer: Layer, params: PatternParams) -> Refusal | None:
    """Return why the layer cannot take 4-entry patterns, or None."""
    if layer.kind == "linear" or layer.kernel_size != (3, 3):
        size = "x".join(str(side) for side in layer.kernel_size)
        what = "linear" if layer.kind == "linear" else f"{size} kernels in"
        return Refusal(
            f"{what} layer '{layer.id}'",
            "3x3 kernels, of which a pattern keeps 4 of 9",
            "Use 'magnitude', 'block' or 'kernel' for this layer.",
        )
    return refuses_connectivity(layer, params.connectivity, params.balanced)


def masks(
    targets: Sequence[Target], params: PatternParams, context: Context
) -> MaskSet:
    """Return masks that keep 4 of 9 entries in every kernel that stays."""
    shared = _dictionary(targets, params, context)
    kept = {}
    for target in targets:
        patterns = shared
        if params.set == "network" and params.scope == "layer":
            patterns = _dictionary([target], params, context)
        kept[target.id] = pattern_mask(target.weight, patterns, params)
    return MaskSet(kept)


def pattern_mask(
    weight: torch.Tensor, patterns: torch.Tensor, params: PatternParams
) -> torch.Tensor:
    """Return the mask of one weight (O, I, 3, 3): its projection onto the patterns."""
    energy = scp.retained_energy(scp.kernels_of(weight), patterns)
    best, chosen = energy.max(dim=1)
    mask = patterns[chosen].reshape(weight.shape)
    if params.connectivity:
        grid = best.reshape(weight.shape[:2])
        stay = kept_kernels(grid, params.connectivity, params.balanced)
        mask = mask & stay[:, :, None, None]
    return mask


def _dictionary(
    targets: Sequence[Target], params: PatternParams, context: Context
) -> torch.Tensor:
    """Return the patterns to choose from, bool (K, 9)."""
    if params.set == "elog":
        return scp.elog_patterns()
    if params.set == "gaussian":
        return scp.gaussian_patterns()
    if params.set == "random":
        return scp.random_patterns(params.count, context.seed)
    counts = torch.zeros(len(scp.natural_patterns()), dtype=torch.int64)
    for target in targets:
        counts += scp.frequency(scp.natural_ids(scp.kernels_of(target.weight)))
    return scp.natural_patterns()[scp.most_frequent(counts, params.count)]
