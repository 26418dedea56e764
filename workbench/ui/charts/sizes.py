"""Bytes of files side by side.

Belongs here: the picture. Does not belong here: writing files.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import pandas as pd

from workbench.ui import theme
from workbench.ui.charts.frame import Figure
from workbench.ui.format import ratio, size


@dataclass(frozen=True)
class Size:
    """A file: what it is and how many bytes it has."""

    name: str
    bytes: int


def sizes_figure(sizes: Sequence[Size], *, conditions: str) -> Figure:
    """Return one bar a file; the first one is what the others are compared with."""
    first = sizes[0].bytes
    frame = pd.DataFrame(
        {
            "file": [one.name for one in sizes],
            "bytes": [one.bytes for one in sizes],
            "megabytes": [one.bytes / 1e6 for one in sizes],
            "smaller": [first / one.bytes for one in sizes],
            "text": [
                f"{size(one.bytes)} ({ratio(first / one.bytes)})" for one in sizes
            ],
        }
    )
    colours = theme.palette()
    base = alt.Chart(frame).encode(
        y=alt.Y("file:N", sort=None, title=None, axis=alt.Axis(labelLimit=200))
    )
    bars = base.mark_bar(height={"band": 0.62}, color=colours.ours).encode(
        x=alt.X("megabytes:Q", title="file size (MB)", axis=alt.Axis(tickCount=8)),
        tooltip=["file", "bytes", "smaller"],
    )
    words = base.mark_text(
        align="left", dx=8, fontSize=13, fontWeight=600, color=colours.text
    ).encode(x="megabytes:Q", text="text:N")
    return Figure(
        name="file-sizes",
        title="Size of the file",
        reading=f"One bar a file, shorter is smaller; in brackets, how many times "
        f"smaller than “{sizes[0].name}”.",
        alt="; ".join(f"{one.name} {size(one.bytes)}" for one in sizes),
        chart=(bars + words).properties(height=alt.Step(36)),
        data=frame.drop(columns=["text", "megabytes"]),
        conditions=conditions,
    )
