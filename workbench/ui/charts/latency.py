"""Latency bars: torch dense, our dense, our pruned, and any other engine.

Belongs here: the picture of one measurement. Does not belong here: measuring.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from workbench.ui import theme
from workbench.ui.charts.frame import Figure
from workbench.ui.format import millis

READING = (
    "One bar an engine, shorter is faster: the bar is the median, the line runs from "
    "the 10th to the 90th percentile. Lines that overlap mean: no clear winner."
)


def latency_figure(
    rows: Sequence[Mapping[str, Any]],
    *,
    conditions: str,
    title: str = "Latency",
    reading: str = READING,
) -> Figure:
    """Return the bars of the rows that have a time.

    Parameters
    ----------
    rows : sequence of mapping
        As in ``Measurement.to_dict()["rows"]``.
    conditions : str
        Machine, threads, load, date.
    title : str
        Heading of the chart.
    reading : str
        How to read the bars, where they are no medians.
    """
    timed = [row for row in rows if row["median_ms"] is not None]
    frame = pd.DataFrame(
        {
            "engine": [row["name"] for row in timed],
            "median_ms": [row["median_ms"] for row in timed],
            "p10_ms": [row["p10_ms"] for row in timed],
            "p90_ms": [row["p90_ms"] for row in timed],
            "n": [row["n"] for row in timed],
            "label": [millis(row["median_ms"]) for row in timed],
        }
    )
    most = 1.6 * float(frame["median_ms"].max())
    frame["shown_p90_ms"] = frame["p90_ms"].clip(upper=most)
    colours = [_colour(row) for row in timed]
    base = alt.Chart(frame).encode(
        y=alt.Y("engine:N", sort=None, title=None, axis=alt.Axis(labelLimit=200))
    )
    bars = base.mark_bar(height={"band": 0.62}).encode(
        x=alt.X(
            "median_ms:Q",
            title="latency of one image (ms)",
            axis=alt.Axis(tickCount=8),
        ),
        color=alt.Color(
            "engine:N",
            sort=None,
            legend=None,
            scale=alt.Scale(domain=list(frame["engine"]), range=colours),
        ),
        tooltip=["engine", "median_ms", "p10_ms", "p90_ms", "n"],
    )
    text = theme.palette().text
    spread = base.mark_rule(strokeWidth=2, color=text).encode(
        x="p10_ms:Q", x2="shown_p90_ms"
    )
    labels = base.mark_text(
        align="left", dx=8, fontSize=13, fontWeight=600, color=text
    ).encode(x="shown_p90_ms:Q", text="label:N")
    return Figure(
        name="latency",
        title=title,
        reading=reading
        + (
            " A line that reaches the edge is cut: other work disturbed that engine."
            if (frame["p90_ms"] > most).any()
            else ""
        ),
        alt="; ".join(f"{row['name']} {millis(row['median_ms'])}" for row in timed),
        chart=(bars + spread + labels).properties(height=alt.Step(38)),
        data=frame.drop(columns=["label", "shown_p90_ms"]),
        conditions=conditions,
    )


def _colour(row: Mapping[str, Any]) -> str:
    colours = theme.palette()
    if row["engine"] != "workbench":
        return colours.torch
    return colours.pruned if row["weights"] == "pruned" else colours.ours
