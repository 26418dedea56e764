"""Where the work is: one bar a layer, linked to the layer table.

Belongs here: the picture. Does not belong here: counting MACs (``analysis``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from workbench.ui import theme
from workbench.ui.charts.frame import Figure
from workbench.ui.format import percent

PICK = "layer"


def work_figure(rows: Sequence[Mapping[str, Any]], selected: str) -> Figure:
    """Return the dense and the remaining MACs of every layer, in order of execution.

    Parameters
    ----------
    rows : sequence of mapping
        ``layer``, ``dense_macs`` and ``theoretical_macs`` of each layer.
    selected : str
        Layer id that is framed.
    """
    total = sum(row["dense_macs"] for row in rows)
    frame = pd.DataFrame(
        {
            "layer": [row["layer"] for row in rows],
            "dense_macs": [row["dense_macs"] for row in rows],
            "theoretical_macs": [row["theoretical_macs"] for row in rows],
            "share": [row["dense_macs"] / total for row in rows],
        }
    )
    colours = theme.palette()
    pick = alt.selection_point(name=PICK, fields=["layer"], toggle=False, empty=False)
    base = alt.Chart(frame).encode(
        x=alt.X(
            "layer:N",
            sort=None,
            title=None,
            axis=alt.Axis(labelAngle=-45, labelLimit=110, labelOverlap="greedy"),
        ),
        tooltip=[
            "layer",
            alt.Tooltip("dense_macs:Q", format=",d"),
            alt.Tooltip("theoretical_macs:Q", format=",d"),
            alt.Tooltip("share:Q", format=".1%"),
        ],
    )
    is_selected = alt.datum.layer == selected
    dense = base.mark_bar(color=colours.removed, cursor="pointer").encode(
        y=alt.Y(
            "dense_macs:Q",
            title="multiply-adds",
            axis=alt.Axis(format="~s", tickCount=4),
        )
    )
    left = base.mark_bar(cursor="pointer").encode(
        y="theoretical_macs:Q",
        color=alt.condition(
            is_selected, alt.value(colours.pruned), alt.value(colours.ours)
        ),
    )
    heaviest = frame.loc[frame["share"].idxmax()]
    return Figure(
        name="work-per-layer",
        title="Where the multiply-adds are",
        reading=(
            "One bar a layer, in order of execution; click one to select it (orange). "
            "Grey is what zero weights would save."
        ),
        alt=f"Largest share: {heaviest['layer']} with {percent(heaviest['share'])}",
        chart=(dense.add_params(pick) + left).properties(height=250),
        data=frame,
    )
