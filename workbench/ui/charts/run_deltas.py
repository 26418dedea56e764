"""Milliseconds that run B takes more or less than run A, layer by layer.

Belongs here: the picture. Does not belong here: the join (``workflows.run_layers``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from workbench.ui import theme
from workbench.ui.charts.frame import Figure
from workbench.ui.format import millis

ON_HOVER = (
    "layer", "a_ms", "a_spread", "b_ms", "b_spread", "delta_ms", "a_kernel", "b_kernel",
)  # fmt: skip
SHORT, LONG = "B is shorter", "B is longer"


def deltas_figure(rows: Sequence[Mapping[str, Any]], *, conditions: str) -> Figure:
    """Return one bar a layer: B - A in ms, to the left where B is shorter.

    Parameters
    ----------
    rows : sequence of mapping
        layer, a_ms, b_ms, delta_ms; rows without a delta are left out.
    conditions : str
        Which runs, and that they were not measured in turn.
    """
    frame = pd.DataFrame([row for row in rows if row["delta_ms"] is not None])
    frame["side"] = [SHORT if delta <= 0 else LONG for delta in frame["delta_ms"]]
    colours = theme.palette()
    scale = alt.Scale(domain=[SHORT, LONG], range=[colours.ours, colours.pruned])
    base = alt.Chart(frame).encode(
        y=alt.Y("layer:N", sort=None, title=None, axis=alt.Axis(labelLimit=180))
    )
    bars = base.mark_bar(height={"band": 0.68}).encode(
        x=alt.X("delta_ms:Q", title="B − A (ms)", axis=alt.Axis(tickCount=8)),
        color=alt.Color(
            "side:N", scale=scale, legend=alt.Legend(title=None, orient="top")
        ),
        tooltip=[
            name for name in ON_HOVER if name in frame and frame[name].notna().any()
        ],
    )
    zero = (
        alt.Chart(pd.DataFrame({"delta_ms": [0.0]}))
        .mark_rule(strokeWidth=1.5, color=colours.text)
        .encode(x="delta_ms:Q")
    )
    total = float(frame["delta_ms"].sum())
    saved = "less" if total < 0 else "more"
    return Figure(
        name="run-deltas",
        title="Time of each layer, B against A",
        reading=f"One bar a layer: left of the line B needs less time. All layers "
        f"together: {millis(abs(total))} {saved} in B.",
        alt=f"{int((frame['delta_ms'] < 0).sum())} of {len(frame)} layers are shorter "
        f"in B; together {millis(abs(total))} {saved}",
        chart=(bars + zero).properties(height=alt.Step(22)),
        data=frame.drop(columns="side"),
        conditions=conditions,
    )
