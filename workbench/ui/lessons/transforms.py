"""Lesson: FFT, Strassen, and when they win.

Source: Mathieu, Henaff, LeCun 2014, "Fast Training of Convolutional Networks through
FFTs", section 2; Strassen 1969, "Gaussian Elimination is not Optimal".
"""

from dataclasses import asdict
from typing import TYPE_CHECKING

import altair as alt
import pandas as pd
import streamlit as st

import workbench as wb
from workbench.ui import theme
from workbench.ui.charts.frame import Figure
from workbench.ui.charts.latency import latency_figure
from workbench.ui.format import millis, short
from workbench.ui.lessons.lesson import Found, Lesson, Question, Result, Setting

if TYPE_CHECKING:
    from workbench.jobs.job import Job

TILE = 16
KERNELS = (1, 3, 5, 7, 9, 11, 13)
CHANNELS, SIDE = 32, 32
SECONDS = 3.0


def products_per_output(size: int) -> dict[str, float]:
    """Return the products one output of one channel pair needs, by algorithm.

    Direct convolution needs size². FFT tiles of 16 × 16 give (17 − size)² outputs from
    16 · 9 complex products of three real ones each; transforms are shared by channels
    and not counted. Strassen's seven products for eight act on the matrix product.

    Examples
    --------
    >>> found = products_per_output(5)
    >>> found["direct"], round(found["FFT"], 2), found["Strassen, one level"]
    (25.0, 3.0, 21.875)
    """
    direct = float(size**2)
    outputs = (TILE + 1 - size) ** 2
    return {
        "direct": direct,
        "FFT": 3 * TILE * (TILE // 2 + 1) / outputs,
        "Strassen, one level": 7 / 8 * direct,
    }


def _control() -> Setting:
    size = st.select_slider(
        "Side of the kernel", KERNELS, 5, key="side", bind="query-params"
    )
    return {"side": size}


def _figure(setting: Setting, seed: int) -> Figure:
    frame = pd.DataFrame(
        [
            {"side": size, "algorithm": name, "products": value}
            for size in KERNELS
            for name, value in products_per_output(size).items()
        ]
    )
    colours = theme.palette()
    names = list(products_per_output(3))
    shade = alt.Color(
        "algorithm:N",
        scale=alt.Scale(
            domain=names, range=[colours.ours, colours.pruned, colours.torch]
        ),
        legend=alt.Legend(title=None, orient="top"),
    )
    lines = (
        alt.Chart(frame)
        .mark_line(point={"size": 45, "filled": True}, strokeWidth=2)
        .encode(
            x=alt.X(
                "side:Q",
                title="side of the kernel",
                axis=alt.Axis(values=KERNELS, format="d"),
            ),
            y=alt.Y(
                "products:Q",
                title="products for one output",
                scale=alt.Scale(type="log"),
            ),
            color=shade,
            tooltip=["algorithm", "side", "products"],
        )
    )
    chosen = setting["side"]
    rule = (
        alt.Chart(pd.DataFrame({"side": [chosen]}))
        .mark_rule(strokeDash=[5, 4], strokeWidth=2, color=colours.accent)
        .encode(x="side:Q")
    )
    found = products_per_output(chosen)
    shown = ", ".join(f"{name} {value:.3g}" for name, value in found.items())
    return Figure(
        name="products-per-output",
        title="Products for one output of one pair of channels",
        reading=f"At {chosen} × {chosen} (dashed): {shown}. The FFT's curve is nearly "
        "flat, because a kernel of any size becomes one product a frequency; "
        "transforms are not counted here, the measurement below has them.",
        alt=shown,
        chart=(lines + rule).properties(height=290),
        data=frame,
    )


def _measure(job: "Job", setting: Setting, seed: int) -> Found:
    from workbench.analysis.algorithms.comparison import ConvShape
    from workbench.measure.conditions import read_conditions

    shape = ConvShape(CHANNELS, CHANNELS, SIDE, setting["side"])
    rows = wb.measure_algorithms(shape, seconds=SECONDS, seed=seed)
    job.check()
    return {
        "rows": [asdict(row) for row in rows],
        "side": setting["side"],
        "line": read_conditions(1).line,
    }


def _result(found: Found) -> Result:
    timed = [row for row in found["rows"] if row["ms"] is not None]
    bars = [
        {
            "name": row["algorithm"],
            "engine": "workbench",
            "weights": "pruned" if row["family"] in ("fft", "strassen") else "dense",
            "median_ms": row["ms"],
            "p10_ms": row["p10_ms"],
            "p90_ms": row["p90_ms"],
            "n": row["n"],
        }
        for row in timed
    ]
    side = found["side"]
    figure = latency_figure(
        bars,
        conditions=found["line"],
        title=f"{side} × {side} convolution, {CHANNELS} channels, {SIDE} × {SIDE} "
        "pixels",
        reading="One bar an algorithm, shorter is faster: median, with a line from "
        "the 10th to the 90th percentile. Orange: FFT and Strassen.",
    )
    best = timed[0]
    fewest = min(timed, key=lambda row: row["multiplies"])
    slowest = timed[-1]
    return Result(
        (figure,),
        f"Fastest: **{best['algorithm']}**, {millis(best['ms'])}. Fewest products: "
        f"**{fewest['algorithm']}**, {short(fewest['multiplies'])}, "
        f"{millis(fewest['ms'])}. Slowest: {slowest['algorithm']}, "
        f"{millis(slowest['ms'])}. Fewest products need not mean least time.",
    )


LESSON = Lesson(
    id="transforms",
    title="FFT, Strassen, and when they win",
    aim="Tell an algorithm that multiplies less from one that takes less time.",
    story="A convolution becomes a product of frequencies after a Fourier transform, "
    "whatever the size of the kernel. Strassen multiplies two matrices with seven "
    "products of halves instead of eight. Both pay in additions, memory and rounding.",
    control=_control,
    figure=_figure,
    measures=f"One convolution with {CHANNELS} channels on {SIDE} × {SIDE} pixels and "
    "the slider's kernel, by every algorithm of the workbench, each checked against "
    "float64 first.",
    seconds=8,
    measure=_measure,
    result=_result,
    questions=(
        Question(
            "Why does the FFT's count hardly depend on the kernel?",
            "Kernel and image tile are transformed to the same size, and multiplied "
            "once a frequency. A larger kernel only makes fewer outputs of a tile "
            "valid.",
        ),
        Question(
            "How many products do two levels of Strassen need, of 64?",
            "7 · 7 = 49: 77 % of them, with 18 additions of matrices at each level.",
        ),
        Question(
            "Why does Strassen win on huge matrices only?",
            "It saves an eighth of the products, but adds passes over memory that grow "
            "with the square of the side; products grow with its cube.",
        ),
    ),
    source="Mathieu, Henaff, LeCun 2014, Fast Training of Convolutional Networks "
    "through FFTs, section 2; Strassen 1969, Gaussian Elimination is not Optimal",
)
