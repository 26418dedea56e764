"""The table of pruning methods that choose while training, and how to run one.

Adding one = a technique in a file of its own and one line here. Does not belong here:
methods that prune in one shot (``workbench.pruning.methods``) and schedules of
sparsity, which take any of those (``finetune.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import Field

from workbench.data.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.models.network import Network
from workbench.pruning.method import MethodParams
from workbench.pruning.pruned import PrunedNetwork
from workbench.pruning.recipe import Recipe
from workbench.pruning.recipe_errors import build
from workbench.training.cut import Cut
from workbench.training.finetune import Tuned
from workbench.training.finetune_options import FinetuneOptions
from workbench.training.fit import FitHooks, fit
from workbench.training.gates import MacsGates
from workbench.training.learned import with_masks
from workbench.training.scratch import refuse_test
from workbench.training.skeleton import FilterSkeleton
from workbench.training.slimming import Slimming

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
    technique : callable ``(network, params) -> Cut`` or None
        What it adds to the training loop; None where it is no single run (lottery).
    """

    name: str
    keeps: str
    source: str
    params: type[MethodParams]
    run: str
    technique: Callable[[Network, Any], Cut] | None = None


def _slimming(network: Network, params: SlimmingParams) -> Cut:
    recipe = Recipe.uniform("slimming", params.sparsity)
    return Slimming(network, recipe, lam=params.lam, switch=params.switch)


def _skeleton(network: Network, params: SkeletonParams) -> Cut:
    return FilterSkeleton(network, **params.model_dump())


def _gates(network: Network, params: MacsParams) -> Cut:
    return MacsGates(network, **params.model_dump())


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
        "lottery",
        "the largest weights after rounds of training, each rewound to its start",
        "Frankle and Carbin 2019, The Lottery Ticket Hypothesis",
        LotteryParams,
        "train MODEL --fresh --method lottery --set rounds=5 --set rate=0.5",
    ),
)
DRIVEN: Mapping[str, DrivenMethod] = MappingProxyType({row.name: row for row in _ALL})


@dataclass(frozen=True, eq=False)
class Driven:
    """A method of the table with its parameters; ``Driven.of("flops", target=0.5)``."""

    method: DrivenMethod
    params: MethodParams

    @classmethod
    def of(cls, name: str, **params: Any) -> Driven:
        """Return the method of that name with these parameters.

        Raises
        ------
        WorkbenchError
            Unknown method or parameter, or an impossible value.
        """
        if name not in DRIVEN:
            near = get_close_matches(name, DRIVEN, n=1)
            raise WorkbenchError(
                f"method '{name}' to train with",
                "one of " + ", ".join(DRIVEN),
                f"Did you mean '{near[0]}'?"
                if near
                else "One-shot methods: prune, then finetune.",
            )
        row = DRIVEN[name]
        return cls(row, build(row.params, params, f"method '{name}'"))


def learn(
    network: Network,
    data: Dataset,
    *,
    how: Driven,
    val: Dataset | None = None,
    checkpoint: str | Path | None = None,
    hooks: FitHooks | None = None,
    **settings: Any,
) -> PrunedNetwork:
    """Return the network pruned by a method that chooses while training.

    One run in two phases: the method learns what matters, cuts, and the rest of the
    epochs trains with the masks frozen.

    Parameters
    ----------
    network : Network
        Where to start; not changed.
    data : Dataset
        Training images.
    how : Driven
        Method and parameters.
    val, checkpoint, hooks
        As in ``finetune``.
    **settings
        ``epochs``, ``lr`` and the other fields of ``FinetuneOptions``.

    Raises
    ------
    WorkbenchError
        As ``finetune``; also for a method that the network does not suit.
    """
    return learn_logged(
        network,
        data,
        how=how,
        val=val,
        checkpoint=checkpoint,
        hooks=hooks,
        **settings,
    ).network


def learn_logged(
    network: Network,
    data: Dataset,
    *,
    how: Driven,
    val: Dataset | None = None,
    checkpoint: str | Path | None = None,
    hooks: FitHooks | None = None,
    **settings: Any,
) -> Tuned:
    """Return what ``learn`` returns, together with the history of its epochs."""
    refuse_test(data, val)
    if how.method.technique is None:
        raise WorkbenchError(
            f"method '{how.method.name}', which is several runs",
            "a method of a single run",
            f"Run: {how.method.run}",
        )
    technique = how.method.technique(network, how.params)
    options = FinetuneOptions.of(Recipe(), settings)
    hooks = hooks or FitHooks()
    result = fit(
        network.module,
        data,
        options=options.fit_options(data.name),
        val=val,
        checkpoint=None if checkpoint is None else Path(checkpoint),
        hooks=FitHooks(
            hooks.after_step,
            hooks.after_epoch,
            hooks.after_batch,
            (technique, *hooks.techniques),
        ),
    )
    pruned = with_masks(
        network, result.module, found=technique.found, recipe=technique.recipe
    )
    return Tuned(pruned, result.history)
