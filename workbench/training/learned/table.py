"""The table of pruning methods that choose while training.

Adding one = a technique in a file of its own and one line here. Does not belong here:
methods that prune in one shot (``workbench.pruning.methods``) and schedules of
sparsity, which take any of those (``finetune.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import Field

from workbench.models.network import Network
from workbench.pruning.method import MethodParams
from workbench.pruning.prune import prune
from workbench.pruning.pruned import PrunedNetwork
from workbench.pruning.recipe.recipe import Recipe
from workbench.pruning.recipe.rule import Rule
from workbench.training.learned.gates import MacsGates
from workbench.training.learned.skeleton import FilterSkeleton
from workbench.training.learned.slimming import Slimming
from workbench.training.learned.winograd_conv import WinogradConv2d, in_winograd_domain
from workbench.training.masks.cut import Cut

Switch = Annotated[
    float, Field(ge=0, le=1, description="share of the epochs before the cut, 0..1")
]
Lam = Annotated[float, Field(ge=0, description="weight of the penalty in the loss")]


class SlimmingParams(MethodParams):
    """Share of all channels that go, and the L1 penalty on batch-norm scales."""

    sparsity: Annotated[float, Field(ge=0, lt=1, description="channels to remove")]
    lam: Lam = 1e-3
    switch: Switch = 0.6


class SkeletonParams(MethodParams):
    """Which stripes go: below a threshold, or a share; and the L1 penalty."""

    threshold: Annotated[
        float, Field(ge=0, description="stripes of smaller skeleton value go")
    ] = 0.05
    sparsity: Annotated[
        float | None,
        Field(ge=0, lt=1, description="share of stripes to remove instead"),
    ] = None
    lam: Lam = 1e-3
    switch: Switch = 0.6


class MacsParams(MethodParams):
    """The MACs to reach, as a share of the dense ones, and the penalty."""

    target: Annotated[float, Field(gt=0, lt=1, description="MACs over dense MACs")]
    lam: Lam = 32.0
    switch: Switch = 0.6
    seed: Annotated[int, Field(ge=0, description="of the gates' noise")] = 0


class WinogradParams(MethodParams):
    """Sparsity in the Winograd domain, the tile, the ReLU, which layers."""

    sparsity: Annotated[
        float, Field(ge=0, lt=1, description="zeros / total, in the Winograd domain")
    ]
    m: Annotated[
        Literal[2, 4], Field(description="outputs of a tile along one axis, 2 or 4")
    ] = 2
    relu: Annotated[
        bool,
        Field(description="move ReLUs into the domain: this changes the function"),
    ] = False
    match: Annotated[str, Field(description="layers to convert: id or pattern")] = "*"


class LotteryParams(MethodParams):
    """Rounds of pruning, rewinding and retraining."""

    rounds: Annotated[int, Field(ge=1, description="rounds of pruning")] = 5
    rate: Annotated[
        float, Field(gt=0, lt=1, description="share of what is left to remove a round")
    ] = 0.5
    rewind: Annotated[
        int, Field(ge=0, description="step to go back to; 0 is the start")
    ] = 0
    scope: Annotated[
        Literal["layer", "global"], Field(description="of magnitude pruning")
    ] = "layer"
    control: Annotated[
        bool, Field(description="also train the masks from other random weights")
    ] = True


@dataclass(frozen=True)
class DrivenMethod:
    """One row of the table.

    Parameters
    ----------
    name : str
        As the command line takes it.
    keeps : str
        What survives, in one line.
    source : str
        Paper.
    params : type of MethodParams
        Its parameters.
    run : str
        The command that runs it.
    technique : callable ``(network, params) -> Cut``, optional
        What it adds to the training loop.
    pruned : callable ``(network, params) -> PrunedNetwork``, optional
        What it tunes instead. The lottery has neither: it is several runs.
    """

    name: str
    keeps: str
    source: str
    params: type[MethodParams]
    run: str
    technique: Callable[[Network, Any], Cut] | None = None
    pruned: Callable[[Network, Any], PrunedNetwork] | None = None


def _slimming(network: Network, params: SlimmingParams) -> Cut:
    recipe = Recipe.uniform("slimming", params.sparsity)
    return Slimming(network, recipe, lam=params.lam, switch=params.switch)


def _skeleton(network: Network, params: SkeletonParams) -> Cut:
    return FilterSkeleton(network, **params.model_dump())


def _gates(network: Network, params: MacsParams) -> Cut:
    return MacsGates(network, **params.model_dump())


def _winograd(network: Network, params: WinogradParams) -> PrunedNetwork:
    converted = in_winograd_domain(
        network, m=params.m, relu=params.relu, match=params.match
    )
    rules = [
        Rule.of(name, "magnitude", sparsity=params.sparsity)
        for name, part in converted.module.named_modules()
        if isinstance(part, WinogradConv2d)
    ]
    return prune(converted, Recipe(layers=tuple(rules)))


_ALL = (
    DrivenMethod(
        "slimming",
        "the channels whose batch-norm scale an L1 penalty leaves largest",
        "Liu 2017, Network Slimming",
        SlimmingParams,
        "train MODEL --method slimming --set sparsity=0.5",
        _slimming,
    ),
    DrivenMethod(
        "skeleton",
        "the stripes that a trained filter skeleton keeps",
        "Meng 2020, Pruning Filter in Filter",
        SkeletonParams,
        "train MODEL --method skeleton --set sparsity=0.5",
        _skeleton,
    ),
    DrivenMethod(
        "flops",
        "the channels whose hard-concrete gates stay open under a MACs target",
        "Tang 2018, FLOPs as a Direct Optimization Objective; Louizos 2018",
        MacsParams,
        "train MODEL --method flops --set target=0.5",
        _gates,
    ),
    DrivenMethod(
        "winograd",
        "the largest weights in the Winograd domain, where they are then trained",
        "Liu 2018, Efficient Sparse-Winograd; Li 2017",
        WinogradParams,
        "prune MODEL --method winograd --sparsity 0.7 (or train, --set sparsity=0.7)",
        pruned=_winograd,
    ),
    DrivenMethod(
        "lottery",
        "the largest weights after rounds of training, each rewound to its start",
        "Frankle and Carbin 2019, The Lottery Ticket Hypothesis",
        LotteryParams,
        "train MODEL --fresh --method lottery --set rounds=5 --set rate=0.5",
    ),
)
DRIVEN: Mapping[str, DrivenMethod] = MappingProxyType({row.name: row for row in _ALL})
