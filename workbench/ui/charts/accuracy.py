"""Accuracy with its interval: dense, pruned raw, batch norm re-estimated.

Belongs here: the picture. Does not belong here: evaluating.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import pandas as pd

from workbench.ui import theme
from workbench.ui.charts.frame import Figure
from workbench.ui.format import percent

READING = (
    "A dot is the measured top-1 accuracy, the line its 95 % interval: further right "
    "is better. Overlapping lines mean that these images cannot tell the two apart."
)


@dataclass(frozen=True)
class Dot:
    """One accuracy: what it is of, top-1, its interval, and the images behind it."""

    name: str
    top1: float
    interval: tuple[float, float]
    n: int


def _domain(dots: Sequence[Dot]) -> list[float]:
    """Return limits in percent that leave room for labels and stay within 0..100."""
    low = 100 * min(dot.interval[0] for dot in dots)
    high = 100 * max(dot.interval[1] for dot in dots)
    room = max(0.12 * (high - low), 0.4)
    return [max(0.0, low - room), min(100.0, high + room)]


def accuracy_figure(dots: Sequence[Dot], *, conditions: str = "") -> Figure:
    """Return one row a network, each a dot with its interval."""
    frame = pd.DataFrame(
        {
            "network": [dot.name for dot in dots],
            "top1_percent": [100 * dot.top1 for dot in dots],
            "low_percent": [100 * dot.interval[0] for dot in dots],
            "high_percent": [100 * dot.interval[1] for dot in dots],
            "n": [dot.n for dot in dots],
            "label": [percent(dot.top1) for dot in dots],
        }
    )
    colours = theme.palette()
    by_name = {"dense": colours.ours}
    scale = alt.Scale(
        domain=list(frame["network"]),
        range=[by_name.get(dot.name, colours.pruned) for dot in dots],
    )
    axis = alt.Scale(domain=_domain(dots), nice=False)
    base = alt.Chart(frame).encode(
        y=alt.Y("network:N", sort=None, title=None, axis=alt.Axis(labelLimit=200)),
        color=alt.Color("network:N", sort=None, legend=None, scale=scale),
    )
    lines = base.mark_rule(strokeWidth=3).encode(
        x=alt.X(
            "low_percent:Q",
            title="top-1 accuracy (%)",
            scale=axis,
            axis=alt.Axis(tickCount=10),
        ),
        x2="high_percent",
    )
    marks = base.mark_point(filled=True, size=130, opacity=1).encode(
        x=alt.X("top1_percent:Q", scale=axis),
        tooltip=["network", "top1_percent", "low_percent", "high_percent", "n"],
    )
    labels = base.mark_text(dy=-13, fontSize=12, fontWeight=600).encode(
        x=alt.X("top1_percent:Q", scale=axis),
        text="label:N",
        color=alt.value(colours.text),
    )
    return Figure(
        name="accuracy",
        title="Accuracy",
        reading=READING,
        alt="; ".join(f"{dot.name} {percent(dot.top1)} of {dot.n}" for dot in dots),
        chart=(lines + marks + labels).properties(height=alt.Step(46)),
        data=frame.drop(columns="label"),
        conditions=conditions,
    )
