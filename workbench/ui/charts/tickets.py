"""Lottery tickets: accuracy against the weights that are left, with the control.

Belongs here: the picture. Does not belong here: training.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from workbench.ui import theme
from workbench.ui.charts.frame import Figure
from workbench.ui.format import percent


def tickets_figure(rounds: Sequence[Mapping[str, Any]], *, conditions: str) -> Figure:
    """Return two lines: rewound tickets, and the same masks from random weights.

    Parameters
    ----------
    rounds : sequence of mapping
        left, ticket, random: shares 0..1; random may be None.
    conditions : str
        Images and epochs.
    """
    names = {"ticket": "rewound", "random": "other random weights"}
    frame = pd.DataFrame(
        [
            {
                "left": row["left"],
                "start": names[kind],
                "top1_percent": 100 * row[kind],
            }
            for row in rounds
            for kind in names
            if row[kind] is not None
        ]
    )
    colours = theme.palette()
    chart = (
        alt.Chart(frame)
        .mark_line(point={"size": 70, "filled": True}, strokeWidth=2)
        .encode(
            x=alt.X(
                "left:Q",
                title="weights left",
                axis=alt.Axis(format="%"),
                scale=alt.Scale(type="log", reverse=True, nice=False, padding=20),
            ),
            y=alt.Y(
                "top1_percent:Q",
                title="top-1 accuracy (%)",
                scale=alt.Scale(zero=False),
            ),
            color=alt.Color(
                "start:N",
                scale=alt.Scale(
                    domain=list(names.values()), range=[colours.pruned, colours.torch]
                ),
                legend=alt.Legend(title=None, orient="top"),
            ),
            tooltip=["start", alt.Tooltip("left:Q", format=".1%"), "top1_percent"],
        )
        .properties(height=300)
    )
    return Figure(
        name="lottery-rounds",
        title="Tickets against random weights under the same masks",
        reading="From left to right fewer weights are left. Where the orange line "
        "stays above the grey one, the numbers that weights began with matter, not the "
        "masks alone.",
        alt="; ".join(
            f"{percent(row['left'])} left: {percent(row['ticket'])}" for row in rounds
        ),
        chart=chart,
        data=frame,
        conditions=conditions,
    )
