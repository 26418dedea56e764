"""Lesson: why zeros alone are not faster.

Source: Liu et al. 2015, "Sparse Convolutional Neural Networks" (SCNN), section 1;
Han et al. 2016, "EIE", section II.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

import workbench as wb
from workbench.measure.bars import OURS_DENSE, OURS_PRUNED, TORCH_DENSE
from workbench.ui.charts.cells import FAINT, KEPT, PLAIN, REMOVED, Grid, cells, numbers
from workbench.ui.charts.frame import Figure
from workbench.ui.charts.latency import latency_figure
from workbench.ui.format import count, percent, ratio
from workbench.ui.lessons.lesson import Found, Lesson, Question, Result, Setting
from workbench.ui.lessons.stage import BUDGET_S, TEACHING_MODEL

if TYPE_CHECKING:
    from workbench.jobs.job import Job

SIDE = 10


def _control() -> Setting:
    share = st.slider(
        "Zeros in the matrix (%)", 0, 95, 80, 5, key="zeros", bind="query-params"
    )
    return {"zeros": share}


def _figure(setting: Setting, seed: int) -> Figure:
    weights = np.random.default_rng(seed).standard_normal((SIDE, SIDE))
    gone = round(setting["zeros"] / 100 * weights.size)
    cut = np.zeros(weights.shape, bool)
    cut.reshape(-1)[np.argsort(np.abs(weights), axis=None)[:gone]] = True
    left = weights.size - gone
    dense = Grid(
        "dense loop: every cell is multiplied",
        np.where(cut, 0.0, weights),
        np.where(cut, REMOVED, KEPT),
        1,
    )
    packed = np.full((SIDE, SIDE), np.nan)
    packed.reshape(-1)[:left] = weights[~cut]
    roles = np.where(np.isnan(packed), PLAIN, KEPT)
    listed = Grid("list of non-zeros: only these", packed, roles, 1)
    places = np.full((SIDE, SIDE), np.nan)
    places.reshape(-1)[:left] = np.flatnonzero(~cut)
    seats = Grid(
        "and where each sits", places, np.where(np.isnan(places), PLAIN, FAINT), 0
    )
    grids = [dense, listed, seats]
    return Figure(
        name="zeros",
        title="The same matrix, as a dense loop and as a list see it",
        reading=(
            f"Blue cells hold numbers, grey ones zero. A dense loop multiplies "
            f"{weights.size} times, {gone} of them by zero; a kernel that walks the "
            f"list multiplies {left} times, but must also read where each one sits "
            "(counted row by row)."
        ),
        alt=f"{gone} of {weights.size} weights are zero",
        chart=cells(grids),
        data=numbers(grids),
    )


def _measure(job: "Job", setting: Setting, seed: int) -> Found:
    network = wb.load_model(TEACHING_MODEL)
    pruned = wb.prune(network, wb.Recipe.uniform("magnitude", setting["zeros"] / 100))
    found = wb.bench(
        network, pruned, against=("torch",), budget_s=BUDGET_S, on_round=job.on_round
    )
    names = ("torch pruned", OURS_DENSE, OURS_PRUNED)
    bases = (TORCH_DENSE, TORCH_DENSE, OURS_DENSE)
    pairs = [found.compare(one, base) for one, base in zip(names, bases, strict=True)]
    return {
        "rows": found.to_dict()["rows"],
        "line": found.conditions.line,
        "zeros": setting["zeros"],
        "weights": sum(layer.params for layer in network.layers),
        "pairs": {
            one.name: {"value": one.ratio.value, "verdict": one.ratio.verdict}
            for one in pairs
            if one is not None
        },
    }


def _result(found: Found) -> Result:
    pairs: Mapping[str, Any] = found["pairs"]
    torch, ours = pairs["torch pruned"], pairs[OURS_PRUNED]
    return Result(
        (latency_figure(found["rows"], conditions=found["line"]),),
        f"With {percent(found['zeros'] / 100, 0)} zeros PyTorch's dense loops run at "
        f"**{ratio(torch['value'])}** of their speed without zeros "
        f"({torch['verdict']}). Our sparse kernels on the same zeros: "
        f"**{ratio(ours['value'])}** against our own dense program "
        f"({ours['verdict']}). The network has {count(found['weights'])} weights.",
    )


LESSON = Lesson(
    id="zeros",
    title="Why zeros alone are not faster",
    aim="Tell a network that has zeros from a network that skips them.",
    story="Pruning writes zeros into the weights. A processor multiplies by zero as "
    "slowly as by any other number, and a dense loop does not look. Time falls only "
    "when a kernel knows where the zeros are and leaves them out.",
    control=_control,
    figure=_figure,
    measures=f"{TEACHING_MODEL}, magnitude pruning at the slider's share: PyTorch and "
    "our engine, each with and without zeros, in turn.",
    seconds=12,
    measure=_measure,
    result=_result,
    questions=(
        Question(
            "A layer has 90 % zeros. How much time does a dense loop save?",
            "None: it multiplies by zero 90 % of the time. Only what is skipped is "
            "saved.",
        ),
        Question(
            "Why does skipping 80 % of the multiplications not make it 5 times faster?",
            "Each weight that is left needs its position read, vectors are filled "
            "less well, and loading the input costs what it did before.",
        ),
        Question(
            "Which baseline shows what pruning itself gained?",
            "The same engine on the dense weights. Another engine's time mixes the "
            "gain of pruning with the gain of a better engine.",
        ),
    ),
    source="Liu et al. 2015, Sparse Convolutional Neural Networks, section 1; Han et "
    "al. 2016, EIE: Efficient Inference Engine on Compressed Deep Neural Network, "
    "section II",
)
