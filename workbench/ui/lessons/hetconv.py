"""Lesson: heterogeneous convolution and its part P.

Source: Singh et al. 2019, "HetConv: Heterogeneous Kernel-Based Convolutions for Deep
CNNs", section 3.
"""

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from workbench.analysis.cost.separable import rivals
from workbench.ui.charts.cells import FAINT, KEPT, Grid, cells, numbers
from workbench.ui.charts.curve import Level, Point, Words, curve_figure
from workbench.ui.charts.frame import Figure
from workbench.ui.charts.rivals import rivals_figure
from workbench.ui.format import percent, ratio
from workbench.ui.lessons.lesson import Found, Lesson, Question, Result, Setting
from workbench.ui.lessons.stage import Net, conv_network, prune_layer, time_all

if TYPE_CHECKING:
    from workbench.jobs.job import Job

CHOICES = (1, 2, 4, 8)
MEASURED = (2, 4, 8, 16, 32)
FILTERS, CHANNELS = 8, 16
WIDTH, SIDE = 64, 28


def _control() -> Setting:
    part = st.segmented_control(
        "P: one kernel in P stays 3 × 3",
        CHOICES,
        default=4,
        required=True,
        key="p",
        bind="query-params",
    )
    return {"p": part}


def macs_share(part: int, size: int = 3) -> float:
    """Return the MACs of HetConv over those of a whole convolution.

    Examples
    --------
    >>> round(macs_share(4), 4)
    0.3333
    """
    return 1 / part + (1 - 1 / part) / size**2


def _figure(setting: Setting, seed: int) -> Figure:
    part = setting["p"]
    filters, channels = np.indices((FILTERS, CHANNELS))
    whole = channels % part == filters % part
    taps = np.where(whole, 9.0, 1.0)
    grid = Grid(
        "weights left of each kernel: filter ↓ input channel →",
        taps,
        np.where(whole, KEPT, FAINT),
    )
    return Figure(
        name="hetconv",
        title=f"Which kernels stay 3 × 3 with P = {part}",
        reading=(
            f"A 9 keeps all weights of its kernel, a 1 only the centre. MACs fall "
            f"to 1/{part} + (1 − 1/{part}) / 9 = {percent(macs_share(part))} of a "
            "whole convolution. Neighbouring filters keep different channels."
        ),
        alt=f"P = {part}: {int(whole.sum())} of {whole.size} kernels stay whole",
        chart=cells([grid], side_px=44),
        data=numbers([grid]),
    )


def _measure(job: "Job", setting: Setting, seed: int) -> Found:
    network = conv_network(WIDTH, SIDE, seed=seed)
    nets: dict[str, Net] = {"dense": network}
    for part in MEASURED:
        nets[str(part)] = prune_layer(network, "hetconv", p=part)
    return time_all(job, nets, seed=seed)


def _result(found: Found) -> Result:
    rows = found["rows"]
    dense = rows["dense"]["median_ms"]
    points = [
        Point(
            float(part),
            rows[str(part)]["median_ms"],
            rows[str(part)]["p10_ms"],
            rows[str(part)]["p90_ms"],
            rows[str(part)]["n"],
            series="measured",
        )
        for part in MEASURED
        if str(part) in rows
    ]
    ideal = [
        Point(part, ms, ms, ms, 0, series="if time fell like MACs")
        for part, ms in ((p, dense * macs_share(p)) for p in MEASURED)
    ]
    words = Words(
        name="hetconv-times",
        title=f"3 × 3 convolution, {WIDTH} channels, {SIDE} × {SIDE} pixels",
        x="P",
        x_doubles=True,
        reading="Orange: measured, with its spread. Blue: the dense time times the "
        "share of MACs that is left. The gap between the lines is what counting MACs "
        "promises and the machine does not give.",
        conditions=found["line"],
    )
    four = rows["4"]["median_ms"]
    return Result(
        (
            curve_figure([*points, *ideal], [Level("dense", dense)], words),
            rivals_figure(
                rivals(conv_network(WIDTH, SIDE).layers[0], parts=MEASURED),
                conditions=f"3 × 3 convolution, {WIDTH} channels; the paper's "
                "formulas, nothing measured.",
            ),
        ),
        f"P = 4 leaves {percent(macs_share(4))} of the MACs, which would be "
        f"{ratio(1 / macs_share(4))} as fast; measured against our dense program: "
        f"**{ratio(dense / four)}**.",
    )


LESSON = Lesson(
    id="hetconv",
    title="HetConv and P",
    aim="Predict the work of a heterogeneous convolution and compare it with time.",
    story="A heterogeneous convolution gives each filter kernels of two sizes: one in "
    "P keeps 3 × 3, the others are 1 × 1. Which ones stay large is shifted from filter "
    "to filter, so that every input channel is seen with a large kernel somewhere.",
    control=_control,
    figure=_figure,
    measures=f"A 3 × 3 convolution with {WIDTH} channels on {SIDE} × {SIDE} pixels, "
    "dense and with P from 2 to 32, in our engine.",
    seconds=15,
    measure=_measure,
    result=_result,
    questions=(
        Question(
            "Which share of MACs stays for P = 2 and 3 × 3 kernels?",
            "1/2 + 1/2 · 1/9 = 55.6 %: as much as pattern pruning leaves out.",
        ),
        Question(
            "To what does the share tend when P grows?",
            "To 1/9: every kernel is then 1 × 1, and the layer no longer sees "
            "neighbouring pixels.",
        ),
        Question(
            "Why can measured time lie above the MACs' promise?",
            "The dense layer may run by Winograd, which needs 2.25 or more times fewer "
            "products than its MACs say; the sparse kernel has to catch up with that "
            "first.",
        ),
    ),
    source="Singh, Verma, Rai, Namboodiri 2019, HetConv: Heterogeneous Kernel-Based "
    "Convolutions for Deep CNNs, section 3",
)
