"""Lesson: a sparse matrix times a dense one, step by step.

Source: Elsen et al. 2020, "Fast Sparse ConvNets", section 3.1 and figure 2.
"""

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from workbench.ui.charts.cells import ACTIVE, KEPT, PLAIN, REMOVED, Grid, cells, numbers
from workbench.ui.charts.curve import Level, Point, Words, curve_figure
from workbench.ui.charts.frame import Figure
from workbench.ui.format import millis, percent
from workbench.ui.lessons.lesson import Found, Lesson, Question, Result, Setting
from workbench.ui.lessons.stage import Net, conv_network, prune_layer, time_all

if TYPE_CHECKING:
    from workbench.jobs.job import Job

ROWS, INNER, COLUMNS = 4, 6, 4
STEPS = 10
CHANNELS, SIDE = 128, 14
SPARSITIES = (0.5, 0.7, 0.8, 0.9, 0.95)


def _control() -> Setting:
    step = st.slider("Step", 0, STEPS, 3, key="step", bind="query-params")
    return {"step": step}


def _figure(setting: Setting, seed: int) -> Figure:
    random = np.random.default_rng(seed)
    weights = random.integers(1, 9, (ROWS, INNER)).astype(float)
    places = np.sort(random.permutation(weights.size)[:STEPS])
    keep = np.zeros(weights.size, bool)
    keep[places] = True
    weights = np.where(keep.reshape(weights.shape), weights, 0.0)
    inputs = random.integers(0, 9, (INNER, COLUMNS)).astype(float)
    step = setting["step"]
    output = np.zeros((ROWS, COLUMNS))
    for place in places[:step]:
        row, inner = divmod(int(place), INNER)
        output[row] += weights[row, inner] * inputs[inner]
    roles = np.where(weights != 0, KEPT, REMOVED)
    of_input = np.full(inputs.shape, PLAIN)
    of_output = np.full(output.shape, PLAIN)
    sentence = "Nothing is multiplied yet: the output starts at zero."
    if step:
        row, inner = divmod(int(places[step - 1]), INNER)
        roles[row, inner] = of_input[inner] = of_output[row] = ACTIVE
        sentence = (
            f"Step {step} of {STEPS}: weight {weights[row, inner]:.0f} of output "
            f"channel {row} times the whole row of pixels of input channel {inner}, "
            f"added to output channel {row}."
        )
    grids = [
        Grid("weights (sparse)", weights, roles),
        Grid("input: channels × pixels", inputs, of_input),
        Grid("output so far", output, of_output),
    ]
    dense = weights.size * COLUMNS
    return Figure(
        name="spmm",
        title="One multiply-add of a row at a time",
        reading=f"{sentence} All {STEPS} steps need {STEPS * COLUMNS} multiply-adds; "
        f"a dense product needs {dense}. The zeros (grey) are never visited.",
        alt=sentence,
        chart=cells(grids, side_px=44),
        data=numbers(grids),
    )


def _measure(job: "Job", setting: Setting, seed: int) -> Found:
    network = conv_network(CHANNELS, SIDE, size=1, seed=seed)
    nets: dict[str, Net] = {"dense": network}
    for share in SPARSITIES:
        nets[f"{share:g}"] = prune_layer(network, "magnitude", sparsity=share)
    return time_all(job, nets, seed=seed)


def _result(found: Found) -> Result:
    rows = found["rows"]
    points = [
        Point(float(name), row["median_ms"], row["p10_ms"], row["p90_ms"], n=row["n"])
        for name, row in rows.items()
        if name != "dense"
    ]
    dense = rows["dense"]["median_ms"]
    wins = [point for point in points if point.p90_ms < rows["dense"]["p10_ms"]]
    first = min((point.x for point in wins), default=None)
    words = Words(
        name="spmm-break-even",
        title=f"1 × 1 convolution, {CHANNELS} channels, {SIDE} × {SIDE} pixels",
        x="sparsity",
        reading="A dot is a median, its line runs from the 10th to the 90th "
        "percentile. Below the dashed line the sparse layer is faster than the dense "
        "one.",
        conditions=found["line"],
        x_format="%",
    )
    best = min(points, key=lambda point: point.median_ms)
    shown = (
        "No sparsity is clear of the dense kernel's spread: no winner."
        if first is None
        else f"The first sparsity that clearly beats the dense kernel is "
        f"**{percent(first, 0)}**."
    )
    return Result(
        (curve_figure(points, [Level("dense", dense)], words),),
        f"{shown} Dense takes {millis(dense)}; {percent(best.x, 0)} zeros take "
        f"**{millis(best.median_ms)}**.",
    )


LESSON = Lesson(
    id="spmm",
    title="A sparse matrix times a dense one",
    aim="Follow the loop that makes a sparse 1 × 1 convolution fast.",
    story="A 1 × 1 convolution is a matrix product: weights (output × input channels) "
    "times the image (input channels × pixels). When the weights are sparse, walk "
    "over those that are left; each is multiplied with a whole row of pixels, which "
    "fits the processor's vectors without any gather.",
    control=_control,
    figure=_figure,
    measures=f"A 1 × 1 convolution with {CHANNELS} channels on {SIDE} × {SIDE} pixels "
    "in our engine: dense, and pruned to five sparsities, in turn.",
    seconds=15,
    measure=_measure,
    result=_result,
    questions=(
        Question(
            "Why does the inner loop run over pixels and not over weights?",
            "Neighbouring pixels lie next to each other in memory (NCHW), so one "
            "vector instruction multiplies many of them by the same weight. Weights "
            "that are left lie anywhere and would have to be gathered.",
        ),
        Question(
            "What must be stored beside each weight that is left?",
            "The input channel it belongs to. Output channels are known from where "
            "each row of the list begins.",
        ),
        Question(
            "Why can 50 % zeros be slower than none?",
            "The dense kernel reuses every loaded input for many outputs held in "
            "registers; the sparse one reloads inputs. It has to skip enough to pay "
            "for that: the break-even.",
        ),
    ),
    source="Elsen, Dukhan, Gale, Simonyan 2020, Fast Sparse ConvNets, section 3.1",
)
