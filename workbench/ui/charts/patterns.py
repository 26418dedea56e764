"""The pattern dictionary of a layer: its patterns, and what K of them cover.

Belongs here: the two pictures. Does not belong here: finding patterns.
"""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from workbench.ui import theme
from workbench.ui.charts.frame import Figure
from workbench.ui.format import percent

ROW_PX = 105


def dictionary_figure(
    layer: str,
    patterns: Sequence[np.ndarray],
    shares: Sequence[float],
    *,
    width_px: int = 620,
) -> Figure:
    """Return the most frequent patterns as small 3 x 3 pictures with their shares.

    Parameters
    ----------
    layer : str
        Layer id.
    patterns : sequence of numpy.ndarray
        bool (3, 3), True = kept position, most frequent first.
    shares : sequence of float
        Share of kernels whose own best pattern it is, 0..1.
    width_px : int
        Width of the drawing, so that cells come out square.
    """
    per_row = 8
    cells = []
    for rank, (pattern, share) in enumerate(zip(patterns, shares, strict=True)):
        left, top = (rank % per_row) * 4.0, (rank // per_row) * 4.8
        for row in range(3):
            for column in range(3):
                cells.append(
                    {
                        "pattern": rank + 1,
                        "share": share,
                        "label": percent(share),
                        "x": left + column,
                        "x2": left + column + 0.92,
                        "y": top + row,
                        "y2": top + row + 0.92,
                        "kept": bool(pattern[row, column]),
                        "middle": left + 1.46,
                        "below": top + 3.45,
                    }
                )
    frame = pd.DataFrame(cells)
    colours = theme.palette()
    rows = -(-len(patterns) // per_row)
    scale_x = alt.Scale(
        domain=[-0.2, max(per_row * 4.0, width_px / ROW_PX * 4.8)], nice=False
    )
    scale_y = alt.Scale(domain=[rows * 4.8, -0.3], nice=False)
    base = alt.Chart(frame)
    boxes = base.mark_rect(cornerRadius=2).encode(
        x=alt.X("x:Q", axis=None, scale=scale_x),
        x2="x2",
        y=alt.Y("y:Q", axis=None, scale=scale_y),
        y2="y2",
        color=alt.condition(
            "datum.kept", alt.value(colours.ours), alt.value(colours.removed)
        ),
        tooltip=["pattern", alt.Tooltip("share:Q", format=".1%")],
    )
    labels = (
        base.transform_filter("datum.kept")
        .mark_text(fontSize=11, color=colours.text)
        .encode(
            x=alt.X("middle:Q", scale=scale_x),
            y=alt.Y("below:Q", scale=scale_y),
            text="min(label):N",
            detail="pattern:N",
        )
    )
    return Figure(
        name=f"{layer}-patterns",
        title=f"Most frequent patterns of {layer}",
        reading=(
            "Each picture is one pattern: blue positions stay, grey ones become zero. "
            "Below it, the share of kernels for which it is the best choice."
        ),
        alt=f"{len(patterns)} patterns of {layer}, first covers {percent(shares[0])}",
        chart=(boxes + labels).properties(height=rows * ROW_PX),
        data=frame[["pattern", "share", "kept", "x", "y"]],
    )


def coverage_figure(
    layer: str, coverage: Sequence[float], energy: Sequence[float], chosen: int
) -> Figure:
    """Return coverage and retained energy for dictionaries of 1..K patterns.

    Parameters
    ----------
    layer : str
        Layer id.
    coverage, energy : sequence of float
        Entry k - 1 belongs to the k most frequent patterns, 0..1.
    chosen : int
        Number of patterns that is marked.
    """
    sizes = np.arange(1, len(coverage) + 1)
    names = ("coverage", "retained energy")
    frame = pd.concat(
        pd.DataFrame({"patterns": sizes, "measure": name, "share": values})
        for name, values in zip(names, (coverage, energy), strict=True)
    )
    colours = theme.palette()
    scale = alt.Scale(domain=list(names), range=[colours.ours, colours.pruned])
    lines = (
        alt.Chart(frame)
        .mark_line(point={"size": 22, "filled": True}, strokeWidth=2)
        .encode(
            x=alt.X("patterns:Q", title="patterns in the dictionary (K)"),
            y=alt.Y(
                "share:Q",
                title="share",
                axis=alt.Axis(format="%"),
                scale=alt.Scale(domain=[0, 1]),
            ),
            color=alt.Color("measure:N", scale=scale, legend=_legend()),
            strokeDash=alt.StrokeDash("measure:N", legend=None),
            tooltip=["patterns", "measure", alt.Tooltip("share:Q", format=".1%")],
        )
    )
    rule = (
        alt.Chart(pd.DataFrame({"patterns": [chosen]}))
        .mark_rule(strokeDash=[5, 4], strokeWidth=2, color=colours.accent)
        .encode(x="patterns:Q")
    )
    at = min(chosen, len(coverage)) - 1
    return Figure(
        name=f"{layer}-pattern-coverage",
        title="What K patterns cover",
        reading=(
            f"With K = {chosen} (dashed), {percent(coverage[at])} of kernels get their "
            f"own best pattern and {percent(energy[at])} of the squared weights stay. "
            "Where the curves flatten, more patterns no longer help."
        ),
        alt=f"K = {chosen}: coverage {percent(coverage[at])}, "
        f"retained energy {percent(energy[at])}",
        chart=(lines + rule).properties(height=260),
        data=frame,
    )


def _legend() -> alt.Legend:
    return alt.Legend(title=None, orient="top")
