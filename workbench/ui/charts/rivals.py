"""One layer built in several ways: the share of its MACs that is left, by formula.

Belongs here: the picture. Does not belong here: the formulas (``analysis.rivals``).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import altair as alt
import pandas as pd

from workbench.ui import theme
from workbench.ui.charts.frame import Figure
from workbench.ui.format import percent

if TYPE_CHECKING:
    from workbench.analysis.cost.separable import Rival


def rivals_figure(rows: "Sequence[Rival]", *, conditions: str) -> Figure:
    """Return one bar a way to build the layer; see ``analysis.rivals``."""
    frame = pd.DataFrame(
        {
            "layer": [one.name for one in rows],
            "share": [one.share for one in rows],
            "formula": [one.formula for one in rows],
            "macs": [one.macs for one in rows],
            "weights": [one.weights for one in rows],
            "in_turn": [one.latency for one in rows],
            "text": [percent(one.share) for one in rows],
        }
    )
    colours = theme.palette()
    base = alt.Chart(frame).encode(
        y=alt.Y("layer:N", sort=None, title=None, axis=alt.Axis(labelLimit=200))
    )
    bars = base.mark_bar(height={"band": 0.62}, color=colours.ours).encode(
        x=alt.X(
            "share:Q",
            title="share of the dense layer's MACs",
            axis=alt.Axis(format=".0%", tickCount=6),
        ),
        tooltip=["layer", "formula", "macs", "weights", "in_turn"],
    )
    words = base.mark_text(
        align="left", dx=8, fontSize=13, fontWeight=600, color=colours.text
    ).encode(x="share:Q", text="text:N")
    return Figure(
        name="rivals",
        title="HetConv and its rivals, by the formulas",
        reading="One bar a way to build the same layer. Those with a pointwise layer "
        "are two convolutions that wait for one another; HetConv is one.",
        alt="; ".join(f"{one.name} {percent(one.share)}" for one in rows),
        chart=(bars + words).properties(height=alt.Step(34)),
        data=frame.drop(columns="text"),
        conditions=conditions,
    )
