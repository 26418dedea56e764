"""Time against one thing that is turned, with spread: break-even at a glance.

Belongs here: the picture of measured points on a line, and a level to beat. Does not
belong here: measuring.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import pandas as pd

from workbench.measure.bars import OURS_DENSE, OURS_PRUNED, TORCH_DENSE
from workbench.ui import theme
from workbench.ui.charts.frame import Figure
from workbench.ui.format import millis

# A spread beyond so many times the largest median leaves the picture.
MOST_SPREAD = 1.6
MOST_TICKS = 10


@dataclass(frozen=True)
class Point:
    """One measured point: x, median and spread in ms, how many samples."""

    x: float
    median_ms: float
    p10_ms: float
    p90_ms: float
    n: int
    series: str = "pruned"


@dataclass(frozen=True)
class Level:
    """A horizontal line to compare with, for example the dense program."""

    name: str
    ms: float


@dataclass(frozen=True)
class Words:
    """The texts of a curve: file stem, title, x axis, how to read it, conditions.

    ``x_doubles`` says that x is a power of two: each doubling is one step on the axis.
    """

    name: str
    title: str
    x: str
    reading: str
    conditions: str
    x_format: str = ""
    x_doubles: bool = False


def curve_figure(
    points: Sequence[Point], levels: Sequence[Level], words: Words
) -> Figure:
    """Return medians joined by lines, bars from p10 to p90, dashed levels.

    Parameters
    ----------
    points : sequence of Point
        In any order; each series is one line.
    levels : sequence of Level
        Drawn across the picture with their names.
    words : Words
        What is written around it.
    """
    frame = pd.DataFrame([vars(point) for point in points])
    tops = [*frame["median_ms"], *(level.ms for level in levels)]
    # One disturbed point must not flatten the rest: its line leaves the picture.
    most = min(float(frame["p90_ms"].max()), MOST_SPREAD * max(tops))
    most = 1.1 * max(most, *tops)
    colours = theme.palette()
    series = list(dict.fromkeys(frame["series"]))
    hues = (colours.pruned, colours.ours, colours.accent, colours.torch)
    named = {
        TORCH_DENSE: colours.torch,
        OURS_DENSE: colours.ours,
        OURS_PRUNED: colours.pruned,
    }
    shade = alt.Color(
        "series:N",
        scale=alt.Scale(
            domain=series,
            range=[
                named.get(name, hues[n % len(hues)]) for n, name in enumerate(series)
            ],
        ),
        legend=alt.Legend(title=None, orient="top") if len(series) > 1 else None,
    )
    places = sorted(set(frame["x"]))
    x = alt.X("x:Q", title=words.x, axis=_axis(words.x_format, places))
    if words.x_doubles:
        x = x.axis(values=places, format="d").scale(
            type="log", base=2, nice=False, padding=16
        )
    base = alt.Chart(frame).encode(x=x, color=shade)
    scale = alt.Scale(domain=[0, most], nice=False)
    y = alt.Y("median_ms:Q", title="time (ms)", scale=scale)
    tooltip = ["series", "x", "median_ms", "p10_ms", "p90_ms", "n"]
    lines = base.mark_line(strokeWidth=2).encode(y=y)
    bars = base.mark_rule(strokeWidth=2, clip=True).encode(
        y=alt.Y("p10_ms:Q"), y2="p90_ms"
    )
    dots = base.mark_point(filled=True, size=70, opacity=1).encode(y=y, tooltip=tooltip)
    chart = lines + bars + dots
    if levels:
        level = pd.DataFrame([vars(one) for one in levels])
        across = alt.Chart(level)
        chart += across.mark_rule(
            strokeDash=[5, 4], strokeWidth=2, color=colours.text
        ).encode(y="ms:Q")
        chart += across.mark_text(
            align="right", dx=-4, dy=-8, color=colours.text, fontSize=12
        ).encode(y="ms:Q", x=alt.value("width"), text="name:N")
    return Figure(
        name=words.name,
        title=words.title,
        reading=words.reading,
        alt="; ".join(f"{one.x:g}: {millis(one.median_ms)}" for one in points),
        chart=chart.properties(height=300),
        data=frame,
        conditions=words.conditions,
    )


def _axis(form: str, places: list[float]) -> alt.Axis:
    """Return the axis with a tick at each measured place, if these are few."""
    axis = alt.Axis(format=form) if form else alt.Axis()
    if len(places) <= MOST_TICKS:
        axis["values"] = places
    else:
        axis["tickCount"] = 8
    return axis
