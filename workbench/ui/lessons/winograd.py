"""Lesson: Winograd F(2, 3) by hand, and what it does to zeros.

Source: Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks",
section 4.1; Liu et al. 2018, "Efficient Sparse-Winograd Convolutional Neural Networks",
section 3, for the fill-in.
"""

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

import workbench as wb
from workbench.ui.charts.cells import ACTIVE, KEPT, PLAIN, REMOVED, Grid, cells, numbers
from workbench.ui.charts.frame import Figure
from workbench.ui.charts.latency import latency_figure
from workbench.ui.format import percent
from workbench.ui.lessons.lesson import Found, Lesson, Question, Result, Setting
from workbench.ui.lessons.stage import LAYER, TEACHING_MODEL, conv_network

if TYPE_CHECKING:
    from workbench.jobs.job import Job

TAPS = ("first", "second", "third")
CHANNELS, SIDE = 64, 28
PRUNED_LAYER, SPARSITY = "features.10", 0.6


def _control() -> Setting:
    gone = st.pills(
        "Taps of the filter set to zero",
        TAPS,
        selection_mode="multi",
        key="taps",
        bind="query-params",
    )
    return {"taps": list(gone)}


def _figure(setting: Setting, seed: int) -> Figure:
    random = np.random.default_rng(seed)
    g = random.integers(1, 6, 3).astype(float)
    for place, tap in enumerate(TAPS):
        if tap in setting["taps"]:
            g[place] = 0.0
    d = random.integers(1, 9, 4).astype(float)
    u = np.array([g[0], (g[0] + g[1] + g[2]) / 2, (g[0] - g[1] + g[2]) / 2, g[2]])
    v = np.array([d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]])
    m = u * v
    y = np.array([m[0] + m[1] + m[2], m[1] - m[2] - m[3]])
    grids = [
        _column("filter g", g, g != 0),
        _column("G g", u, u != 0, digits=1),
        _column("input d", d),
        _column("Bᵀ d", v),
        _column("product", m, m != 0, digits=1),
        _column("output", y, digits=0, role=ACTIVE),
    ]
    left, reached = int((g != 0).sum()), int((u != 0).sum())
    return Figure(
        name="winograd-f23",
        title="F(2, 3): two outputs of a three-tap filter from four products",
        reading=(
            f"Direct: 2 outputs × {left} taps = {2 * left} multiplications. Winograd: "
            f"{reached}, one for each non-zero of G g. A zero tap disappears in the "
            "sums (g₀ ± g₁ + g₂) / 2 unless its neighbours are zero too: fill-in."
        ),
        alt=f"{left} taps left need {2 * left} direct and {reached} Winograd products",
        chart=cells(grids, side_px=52),
        data=numbers(grids),
    )


def _column(
    title: str,
    values: np.ndarray,
    used: np.ndarray | None = None,
    *,
    digits: int = 0,
    role: int = PLAIN,
) -> Grid:
    column = values.reshape(-1, 1)
    roles = np.full(column.shape, role)
    if used is not None:
        roles = np.where(used.reshape(-1, 1), KEPT, REMOVED)
    return Grid(title, column, roles, digits)


def _measure(job: "Job", setting: Setting, seed: int) -> Found:
    from workbench.analysis.algorithms.winograd import fill_in
    from workbench.engine.winograd.cook_toom import cook_toom
    from workbench.measure.conditions import read_conditions

    job.set_total(2)
    program = wb.compile(conv_network(CHANNELS, SIDE, seed=seed), threads=1)
    step = next(one for one in program.steps if one.layer == LAYER)
    tried = {step.candidate: step.ms}
    for one in step.rejected:
        if one.ms is not None:
            name = one.candidate.split(" ")[0]
            tried[name] = min(one.ms, tried.get(name, one.ms))
    program.close()
    job.advance()
    network = wb.load_model(TEACHING_MODEL)
    recipe = wb.Recipe.uniform("magnitude", SPARSITY, match=PRUNED_LAYER)
    pruned = wb.prune(network, recipe)
    weight = pruned.module.get_parameter(f"{PRUNED_LAYER}.weight").detach().numpy()
    fills = {m: fill_in(weight, cook_toom(m, 3)) for m in (2, 4)}
    job.advance()
    return {
        "tried": tried,
        "line": read_conditions(1).line,
        "fill": {
            str(m): {"before": f.spatial_sparsity, "after": f.winograd_sparsity}
            for m, f in fills.items()
        },
    }


def _result(found: Found) -> Result:
    tried = sorted(found["tried"].items(), key=lambda pair: pair[1])
    rows = [
        {
            "name": name,
            "engine": "workbench",
            "weights": "dense" if name.startswith("winograd") else "pruned",
            "median_ms": ms,
            "p10_ms": ms,
            "p90_ms": ms,
            "n": 1,
        }
        for name, ms in tried
    ]
    figure = latency_figure(
        rows,
        conditions=found["line"],
        title=f"3 × 3 convolution, {CHANNELS} channels, {SIDE} × {SIDE} pixels: every "
        "algorithm alone",
        reading="One bar an algorithm, shorter is faster: the shortest time of the "
        "variants that the engine tried on this layer. Blue are the Winograd kernels "
        "(winograd-f4 is F(4 × 4, 3 × 3)), orange the direct ones.",
    )
    fill = found["fill"]["2"]
    return Result(
        (figure,),
        f"Fastest here: **{tried[0][0]}**. Fill-in on this network: {PRUNED_LAYER} "
        f"pruned to {percent(fill['before'], 0)} zeros has only "
        f"**{percent(fill['after'], 0)}** zeros after G g Gᵀ for F(2, 3), and "
        f"{percent(found['fill']['4']['after'], 0)} for F(4, 3).",
    )


LESSON = Lesson(
    id="winograd",
    title="Winograd F(2, 3) by hand, and its fill-in",
    aim="Compute two outputs with four products, and see why pruning and Winograd "
    "are at odds.",
    story="Two neighbouring outputs of a three-tap filter share inputs. Winograd's "
    "algorithm transforms filter (G g) and input (Bᵀ d), multiplies position by "
    "position, and adds up: four products instead of six, in two dimensions 16 "
    "instead of 36. The filter's transform is made once, before any image arrives.",
    control=_control,
    figure=_figure,
    measures=f"A 3 × 3 convolution with {CHANNELS} channels on {SIDE} × {SIDE} pixels: "
    "the best time of each algorithm that our engine tried; and the zeros of "
    f"{PRUNED_LAYER} of {TEACHING_MODEL} before and after the transform.",
    seconds=6,
    measure=_measure,
    result=_result,
    questions=(
        Question(
            "How many products does F(2 × 2, 3 × 3) need for its four outputs?",
            "4 × 4 = 16 instead of 4 · 9 = 36: 2.25 times fewer.",
        ),
        Question(
            "Only the middle tap of g is left. How many products remain?",
            "Two: G g = (0, g₁/2, −g₁/2, 0). Direct convolution needs two as well, so "
            "nothing is gained.",
        ),
        Question(
            "Why not use ever larger tiles?",
            "Their transforms need larger and smaller constants, so that rounding "
            "errors grow; the engine refuses a tile whose error is too large. The "
            "additions of the transforms grow too.",
        ),
    ),
    source="Lavin and Gray 2016, Fast Algorithms for Convolutional Neural Networks, "
    "section 4.1; Liu, Pool, Han, Dally 2018, Efficient Sparse-Winograd Convolutional "
    "Neural Networks, section 3",
)
