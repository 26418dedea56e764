"""Lesson: structured against unstructured pruning at equal sparsity.

Source: Mao et al. 2017, "Exploring the Granularity of Sparsity in Convolutional Neural
Networks", section 3.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

import workbench as wb
from workbench.ui.charts.cells import KEPT, REMOVED, Grid, cells, numbers
from workbench.ui.charts.frame import Figure
from workbench.ui.charts.tradeoff import timed_spots, tradeoff_figure
from workbench.ui.format import millis, percent
from workbench.ui.lessons.lesson import Found, Lesson, Question, Result, Setting
from workbench.ui.lessons.stage import TEACHING_MODEL, Net, time_all

if TYPE_CHECKING:
    from workbench.jobs.job import Job
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork

GRAINS: Mapping[str, str] = MappingProxyType(
    {
        "magnitude": "single weights",
        "kernel": "whole kernels",
        "channel": "input channels",
        "filter": "whole filters",
    }
)
# Removed whole, they are cut out before timing, as one would ship the network.
SHRUNK = ("input channels", "whole filters")
SHOWN = 6
HALVINGS = 7


def _control() -> Setting:
    share = st.slider(
        "Sparsity of every method (%)", 10, 80, 50, 5, key="equal", bind="query-params"
    )
    return {"sparsity": share}


def _figure(setting: Setting, seed: int) -> Figure:
    random = np.random.default_rng(seed)
    weights = random.standard_normal((SHOWN, SHOWN, 3, 3))
    share = setting["sparsity"] / 100
    picture = weights.transpose(0, 2, 1, 3).reshape(3 * SHOWN, 3 * SHOWN)
    axes = {
        "magnitude": (),
        "kernel": (2, 3),
        "channel": (0, 2, 3),
        "filter": (1, 2, 3),
    }
    grids = []
    for method, over in axes.items():
        score = (weights**2).sum(axis=over, keepdims=True) if over else weights**2
        gone = round(share * score.size)
        limit = np.sort(score, axis=None)[gone] if gone < score.size else np.inf
        keep = np.broadcast_to(score >= limit, weights.shape)
        roles = np.where(
            keep.transpose(0, 2, 1, 3).reshape(picture.shape), KEPT, REMOVED
        )
        grids.append(Grid(GRAINS[method], picture, roles, None))
    return Figure(
        name="granularity",
        title=f"{SHOWN} filters × {SHOWN} channels of 3 × 3 kernels, four ways to "
        f"remove {percent(share, 0)}",
        reading=(
            "Rows of kernels are filters, columns are input channels; blue stays. The "
            "coarser the grain, the easier for a machine, and the less choice a "
            "method has of what to remove. Coarse grains round to whole filters."
        ),
        alt="Masks of four granularities at equal sparsity",
        chart=cells(grids, side_px=14),
        data=numbers(grids),
    )


def _with_zeros(network: "Network", method: str, share: float) -> "PrunedNetwork":
    """Return the network pruned until about ``share`` of its weights are zero.

    A coupled method also removes what reads the removed channels, so that asking it
    for 50 % of the filters makes more zeros than that; halving the interval finds
    what to ask for.
    """
    low, high = 0.0, min(0.99, 1.2 * share)
    for _ in range(HALVINGS):
        asked = (low + high) / 2
        pruned: PrunedNetwork = wb.prune(network, wb.Recipe.uniform(method, asked))
        if pruned.report.sparsity < share:
            low = asked
        else:
            high = asked
    return pruned


def _measure(job: "Job", setting: Setting, seed: int) -> Found:
    share = setting["sparsity"] / 100
    network = wb.load_model(TEACHING_MODEL)
    data = wb.dataset_for(network, split="test").take(1000)
    train = wb.dataset_for(network, split="train")
    nets: dict[str, Net] = {"dense": network}
    for method, grain in GRAINS.items():
        pruned = _with_zeros(network, method, share)
        nets[grain] = wb.reestimate_bn(pruned, train, images=2000, seed=seed)
        job.check()
    top1 = {}
    for name, net in nets.items():
        top1[name] = wb.evaluate(net, data).top1
        job.check()
    zeros = {name: wb.layer_costs(net).sparsity for name, net in nets.items()}
    for grain in SHRUNK:
        nets[grain] = wb.shrink(nets[grain])
        job.check()
    return {
        **time_all(job, nets, seed=seed),
        "top1": top1,
        "zeros": zeros,
        "n": len(data),
    }


def _result(found: Found) -> Result:
    spots = timed_spots(found["rows"], found["top1"])
    pruned = [spot for spot in spots if spot.kind == "pruned"]
    fastest = min(pruned, key=lambda spot: spot.ms)
    best = max(pruned, key=lambda spot: (spot.top1, -spot.ms))
    figure = tradeoff_figure(
        spots, conditions=f"{found['line']}; n = {found['n']} test images"
    )
    zeros = ", ".join(
        f"{name} {percent(share)}"
        for name, share in sorted(found["zeros"].items())
        if name != "dense"
    )
    return Result(
        (figure,),
        f"Fastest: **{fastest.name}** ({millis(fastest.ms)}, {percent(fastest.top1)}). "
        f"Most accurate: **{best.name}** ({millis(best.ms)}, {percent(best.top1)}). "
        f"Zeros that each really made: {zeros}.",
    )


LESSON = Lesson(
    id="structured",
    title="Structured against unstructured, at equal sparsity",
    aim="Choose a granularity knowing what it costs in accuracy and gains in time.",
    story="The same share of zeros can be single weights anywhere, whole kernels, or "
    "whole filters. Fine grains remove what matters least; coarse grains leave a "
    "network that any engine runs fast. Sparsity alone says neither.",
    control=_control,
    figure=_figure,
    measures=f"{TEACHING_MODEL} pruned by four methods to the slider's sparsity: "
    "accuracy after batch norms were re-estimated, and time in our engine, where "
    "removed channels and filters are cut out for good.",
    seconds=30,
    measure=_measure,
    result=_result,
    questions=(
        Question(
            "Half of the filters of every layer are removed. How many weights of a "
            "middle layer are left?",
            "A quarter: half of its filters, and each filter lost half of its input "
            "channels with the layer before.",
        ),
        Question(
            "Which granularity is fast in an engine that knows nothing of sparsity?",
            "Whole filters: the network becomes a smaller dense one.",
        ),
        Question(
            "Why compare at equal accuracy and time, not at equal sparsity?",
            "Equal sparsity means neither equal loss nor equal speed; a fine grain at "
            "90 % can be both slower and more accurate than a coarse one at 50 %.",
        ),
    ),
    source="Mao et al. 2017, Exploring the Granularity of Sparsity in Convolutional "
    "Neural Networks, section 3",
)
