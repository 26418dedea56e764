"""Sensitivity: the map of layers by sparsity, and the curves of layers.

Belongs here: the pictures. Does not belong here: measuring, what a click does.
"""

import altair as alt
import numpy as np
import pandas as pd

from workbench.ui import theme
from workbench.ui.charts.frame import Figure

PICK = "cell"
# Losses beyond this look alike: a layer that costs so much is out of the question.
WORST_POINTS = 20.0
_OPEN_END = f"datum.value >= {WORST_POINTS:g} ? '\u2265 {WORST_POINTS:g}' : datum.label"


def map_figure(cells: pd.DataFrame, *, method: str, conditions: str) -> Figure:
    """Return rectangles, layer by sparsity, coloured by the loss of top-1.

    Parameters
    ----------
    cells : pandas.DataFrame
        layer, sparsity, drop_points (NaN where not measured), state; top1, low, high
        and n where known.
    method : str
        That all cells share.
    conditions : str
        Images and split.
    """
    frame = cells.assign(
        asked=[f"{100 * value:g}\u00a0%" for value in cells["sparsity"]],
        text=[
            _text(cell["drop_points"], cell["state"]) for _, cell in cells.iterrows()
        ],
        shade=np.clip(cells["drop_points"].astype(float), 0, WORST_POINTS),
    )
    frame["bad"] = frame["shade"] > 0.55 * WORST_POINTS
    # Wilson's interval of top-1 and the images it is over.
    sure = [name for name in ("top1", "low", "high", "n") if name in frame]
    colours = theme.palette()
    levels = sorted(frame["sparsity"].unique())
    pick = alt.selection_point(
        name=PICK, fields=["layer", "asked"], toggle=False, empty=False
    )
    base = alt.Chart(frame).encode(
        x=alt.X(
            "asked:O",
            sort=[f"{100 * value:g}\u00a0%" for value in levels],
            title="sparsity of the layer",
            axis=alt.Axis(labelAngle=0),
        ),
        y=alt.Y("layer:N", sort=None, title=None, axis=alt.Axis(labelLimit=170)),
    )
    rects = base.mark_rect(cursor="pointer").encode(
        color=alt.condition(
            "datum.state == 'measured'",
            alt.Color(
                "shade:Q",
                title="points lost",
                legend=alt.Legend(labelExpr=_OPEN_END),
                scale=alt.Scale(
                    domain=[0, WORST_POINTS], range=list(colours.sequential)
                ),
            ),
            alt.value(colours.removed),
        ),
        stroke=alt.condition(pick, alt.value(colours.pruned), alt.value(colours.paper)),
        strokeWidth=alt.condition(pick, alt.value(4), alt.value(1.5)),
        tooltip=["layer", "asked", "drop_points", *sure, "state"],
    )
    words = base.mark_text(fontSize=12).encode(
        text="text:N",
        color=alt.condition(
            "datum.bad && datum.state == 'measured'",
            alt.value(colours.paper),
            alt.value(colours.text),
        ),
    )
    return Figure(
        name=f"sensitivity-{method}",
        title=f"What {method} costs, layer by layer (points of top-1)",
        reading=(
            "One cell is one layer pruned to one sparsity, all other layers dense: the "
            "stronger its colour, the more points of accuracy are lost. Grey cells "
            "removed nothing or were not measured. Click a cell to see it in numbers."
        ),
        alt=f"Map of {frame['layer'].nunique()} layers by {len(levels)} sparsities",
        chart=(rects.add_params(pick) + words).properties(height=alt.Step(32)),
        data=cells,
        conditions=conditions,
    )


def curves_figure(cells: pd.DataFrame, *, method: str, conditions: str) -> Figure:
    """Return one line a layer: accuracy lost against sparsity; see ``map_figure``."""
    measured = cells[cells["state"] == "measured"]
    colours = theme.palette()
    nearest = alt.selection_point(
        fields=["layer"], on="pointerover", nearest=True, empty=False
    )
    names = list(dict.fromkeys(measured["layer"]))
    levels = sorted(float(value) for value in measured["sparsity"].unique())
    base = alt.Chart(measured).encode(
        x=alt.X(
            "sparsity:Q",
            axis=alt.Axis(format=".0%", values=levels),
            scale=alt.Scale(nice=False, padding=12),
            title="sparsity of the layer",
        ),
        y=alt.Y("drop_points:Q", title="points of top-1 lost"),
        detail="layer:N",
        color=alt.condition(
            nearest, alt.value(colours.pruned), _by_depth(names, colours.sequential)
        ),
    )
    lines = base.mark_line(strokeWidth=2)
    dots = base.mark_point(filled=True, size=50, opacity=1).encode(
        tooltip=["layer", "sparsity", "drop_points", "n"],
    )
    last = measured.sort_values("sparsity").groupby("layer", sort=False).tail(1)
    last = last.assign(words=_apart(last))
    words = (
        alt.Chart(last)
        .mark_text(align="left", dx=8, color=colours.text, fontSize=12)
        .encode(x="sparsity:Q", y="words:Q", text="layer:N")
    )
    return Figure(
        name=f"sensitivity-curves-{method}",
        title=f"Accuracy lost with {method}",
        reading="One line a layer, the deeper the darker (light on a dark page): flat "
        "lines are layers that can be pruned far, steep ones must stay dense. Point at "
        "a line to bring it out.",
        alt=f"Loss of accuracy of {measured['layer'].nunique()} layers by sparsity",
        chart=(lines + dots.add_params(nearest) + words).properties(height=320),
        data=measured,
        conditions=conditions,
    )


def _by_depth(names: list[str], colours: tuple[str, ...]) -> alt.Color:
    """Return one shade a layer, first to last, the faintest shades left out."""
    usable = colours[3:]
    last = max(len(names) - 1, 1)
    shades = [
        usable[round(place * (len(usable) - 1) / last)] for place in range(len(names))
    ]
    return alt.Color(
        "layer:N", scale=alt.Scale(domain=names, range=shades), legend=None
    )


def _apart(last: pd.DataFrame) -> pd.Series:
    """Return heights for the names at the lines' ends, none on top of another."""
    most = float(last["drop_points"].max()) or 1.0
    gap = 0.05 * most
    heights: dict[object, float] = {}
    for _, names in last.groupby("sparsity"):
        below = -float("inf")
        for row, drop in names["drop_points"].sort_values().items():
            below = max(float(drop), below + gap)
            heights[row] = below
    return pd.Series(heights)


def gain_figure(cells: pd.DataFrame, *, method: str, conditions: str) -> Figure:
    """Return accuracy lost against milliseconds saved, one dot a cell."""
    measured = cells[cells["saved_ms"].notna() & (cells["state"] == "measured")]
    colours = theme.palette()
    zero = (
        alt.Chart(pd.DataFrame({"saved_ms": [0.0]}))
        .mark_rule(strokeDash=[5, 4], strokeWidth=2, color=colours.text)
        .encode(x="saved_ms:Q")
    )
    dots = (
        alt.Chart(measured)
        .mark_point(filled=True, size=80)
        .encode(
            x=alt.X("saved_ms:Q", title="saved in the whole network (ms)"),
            y=alt.Y("drop_points:Q", title="points of top-1 lost"),
            color=alt.Color(
                "sparsity:Q",
                scale=alt.Scale(range=list(colours.sequential[3:])),
                legend=alt.Legend(format="%", title="sparsity"),
            ),
            tooltip=["layer", "sparsity", "saved_ms", "drop_points", "loss_per_ms"],
        )
    )
    return Figure(
        name=f"loss-per-ms-{method}",
        title="What a saved millisecond costs",
        reading="Right of the dashed line a cell is faster than the dense network, "
        "left of it slower: its break-even has not been reached. Best is low and far "
        "to the right.",
        alt=f"{int((measured['saved_ms'] > 0).sum())} of {len(measured)} are faster",
        chart=(zero + dots).properties(height=320),
        data=measured,
        conditions=conditions,
    )


def _text(drop: float, state: str) -> str:
    if state == "nothing removed":
        return "0 weights"
    if pd.isna(drop):
        return "–"
    return f"{drop:.1f}".replace("-", "\u2212")
