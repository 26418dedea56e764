"""Lesson: the order of an image in memory, NCHW, NHWC, NCHWc.

Source: Georganas et al. 2018, "Anatomy of High-Performance Deep Learning Convolutions
on SIMD Architectures", section II.
"""

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

import workbench as wb
from workbench.ui.charts.cells import ACTIVE, PLAIN, Grid, cells, numbers
from workbench.ui.charts.frame import Figure
from workbench.ui.charts.latency import latency_figure
from workbench.ui.format import millis, ratio
from workbench.ui.lessons.lesson import Found, Lesson, Question, Result, Setting
from workbench.ui.lessons.stage import BUDGET_S, LAYER, ROUNDS, conv_network

if TYPE_CHECKING:
    from workbench.jobs.job import Job

LAYOUTS = ("NCHW", "NHWC", "NCHW4c")
CHANNELS, HEIGHT, WIDTH, BLOCK = 8, 2, 3, 4
MEASURED_CHANNELS, SIDE = 64, 56


def addresses(layout: str) -> np.ndarray:
    """Return int (C, H, W): where each value of a small image sits in memory.

    Examples
    --------
    >>> addresses("NHWC")[:, 0, 0].tolist()
    [0, 1, 2, 3, 4, 5, 6, 7]
    """
    c, h, w = np.indices((CHANNELS, HEIGHT, WIDTH))
    if layout == "NHWC":
        return np.asarray((h * WIDTH + w) * CHANNELS + c)
    if layout == "NCHW4c":
        block = c // BLOCK
        return np.asarray(((block * HEIGHT + h) * WIDTH + w) * BLOCK + c % BLOCK)
    return np.asarray((c * HEIGHT + h) * WIDTH + w)


def _control() -> Setting:
    chosen = st.segmented_control(
        "Layout",
        LAYOUTS,
        default=LAYOUTS[0],
        required=True,
        key="layout",
        bind="query-params",
    )
    return {"layout": chosen}


def _figure(setting: Setting, seed: int) -> Figure:
    layout = setting["layout"]
    where = addresses(layout)
    grids = []
    for channel in range(CHANNELS):
        roles = np.full((HEIGHT, WIDTH), PLAIN)
        roles[0, 0] = ACTIVE
        grids.append(Grid(f"channel {channel}", where[channel].astype(float), roles))
    pixel = np.sort(where[:, 0, 0])
    jumps = int((np.diff(pixel) > 1).sum())
    return Figure(
        name=f"layout-{layout}",
        title=f"{layout}: the number in a cell is its place in memory",
        reading=(
            "Orange: all channels of the first pixel, at "
            f"{', '.join(map(str, pixel))}. Reading them takes {jumps} jumps. A row of "
            f"one channel lies at {', '.join(map(str, where[0, 0]))}."
        ),
        alt=f"{layout}: channels of one pixel need {jumps} jumps",
        chart=cells(grids),
        data=numbers(grids),
    )


def _measure(job: "Job", setting: Setting, seed: int) -> Found:
    import torch

    from workbench.measure.interleave import Settings

    network = conv_network(MEASURED_CHANNELS, SIDE, seed=seed)
    plain, rows = network.module, copy.deepcopy(network.module)
    for weight in rows.parameters():
        weight.data = weight.data.contiguous(memory_format=torch.channels_last)

    def run(module: Any, form: Any) -> Any:
        def once(x: np.ndarray) -> Any:
            with torch.inference_mode():
                return module(torch.from_numpy(x).to(memory_format=form)).numpy()

        return once

    program = wb.compile(network, threads=1)
    found = wb.measure(
        [
            ("torch NCHW", run(plain, torch.contiguous_format)),
            ("torch NHWC", run(rows, torch.channels_last)),
            program,
        ],
        network=network,
        rounds=ROUNDS,
        settings=Settings(budget_s=BUDGET_S, seed=seed, on_round=job.on_round),
    )
    step = next(one for one in program.steps if one.layer == LAYER)
    program.close()
    return {
        "rows": found.to_dict()["rows"],
        "line": found.conditions.line,
        "source": step.source,
        "target": step.target,
        "kernel": step.kernel,
    }


def _result(found: Found) -> Result:
    by_name = {row["name"]: row for row in found["rows"]}
    first, last = by_name["torch NCHW"], by_name["torch NHWC"]
    value = first["median_ms"] / last["median_ms"]
    apart = first["p10_ms"] > last["p90_ms"] or last["p10_ms"] > first["p90_ms"]
    shown = "" if apart else " (their spreads overlap: no clear winner)"
    return Result(
        (latency_figure(found["rows"], conditions=found["line"]),),
        f"PyTorch's NHWC against its NCHW on this layer: **{ratio(value)}**{shown}. "
        f"Our engine chose `{found['kernel']}`, which reads layout "
        f"“{found['source']}” and writes “{found['target']}”: "
        f"{millis(by_name['workbench']['median_ms'])}.",
    )


LESSON = Lesson(
    id="layouts",
    title="Layouts: NCHW, NHWC, NCHWc",
    aim="Say which values of an image lie next to each other, and who profits.",
    story="Memory is one long line; an image has three axes. NCHW puts the pixels of "
    "a channel side by side, NHWC the channels of a pixel, and NCHWc blocks of c "
    "channels, as many as a vector register holds. Convolutions differ in which "
    "neighbours they want.",
    control=_control,
    figure=_figure,
    measures=f"A 3 × 3 convolution with {MEASURED_CHANNELS} channels on {SIDE} × "
    f"{SIDE} pixels: PyTorch in NCHW and in NHWC, and our engine, which chooses for "
    "itself.",
    seconds=12,
    measure=_measure,
    result=_result,
    questions=(
        Question(
            "A sparse 1 × 1 convolution multiplies one weight with many pixels. Which "
            "layout suits it?",
            "NCHW: the pixels of one channel lie side by side and fill a vector.",
        ),
        Question(
            "A depthwise convolution never mixes channels. Why does NHWC suit it?",
            "All channels of a pixel lie side by side; each has its own weight, which "
            "lies side by side as well: one vector multiplication serves many "
            "channels.",
        ),
        Question(
            "Why does an engine not simply choose the best layout for each layer?",
            "Changing the layout between two layers costs a pass over memory. The "
            "choice has to be made for the network as a whole.",
        ),
    ),
    source="Georganas et al. 2018, Anatomy of High-Performance Deep Learning "
    "Convolutions on SIMD Architectures, section II",
)
