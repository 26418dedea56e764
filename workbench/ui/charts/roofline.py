"""Roofline: rate against intensity of every layer, under the two roofs.

Belongs here: the picture. Does not belong here: measuring.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from workbench.ui import theme
from workbench.ui.charts.frame import Figure
from workbench.ui.format import percent

READING = (
    "One dot a layer, larger where it takes more time; the line is what this machine "
    "allows: memory on the slope, arithmetic on the flat. Far below the line there is "
    "time to win; pruning moves a dot left, since fewer products share the same "
    "activations. Small layers stay in the caches and may pass the slope, Winograd "
    "kernels count the products they really do."
)


def roofline_figure(
    rows: Sequence[Mapping[str, Any]],
    *,
    peak: float,
    bandwidth: float,
    conditions: str,
) -> Figure:
    """Return the scatter on logarithmic axes with both roofs.

    Parameters
    ----------
    rows : sequence of mapping
        layer, weights ("dense" or "pruned"), intensity (executed MACs a byte), rate
        (GMAC/s), of_roof, bound, ms, kernel; n, the runs of the median, where known.
    peak : float
        Billions of multiply-adds a second.
    bandwidth : float
        Billions of bytes a second.
    conditions : str
        Machine, threads, date.
    """
    frame = pd.DataFrame(rows)
    low = 0.7 * min(frame["intensity"].min(), peak / bandwidth)
    high = 1.4 * max(frame["intensity"].max(), peak / bandwidth)
    along = np.geomspace(low, high, 60)
    roof = pd.DataFrame(
        {"intensity": along, "rate": np.minimum(peak, along * bandwidth)}
    )
    colours = theme.palette()
    x = alt.X(
        "intensity:Q",
        title="executed MACs a byte moved",
        scale=alt.Scale(type="log", domain=[low, high], nice=False),
        axis=alt.Axis(format="~g", tickCount=6),
    )
    y = alt.Y(
        "rate:Q",
        title="executed GMAC/s",
        scale=alt.Scale(type="log", nice=False, padding=12),
        axis=alt.Axis(format="~g", tickCount=5),
    )
    line = alt.Chart(roof).mark_line(strokeWidth=2.5, color=colours.accent)
    dots = alt.Chart(frame).mark_point(filled=True, opacity=0.85)
    hues = {"dense": colours.ours, "pruned": colours.pruned}
    shown = [name for name in hues if name in set(frame["weights"])]
    scale = alt.Scale(domain=shown, range=[hues[name] for name in shown])
    chart = line.encode(x=x, y=y) + dots.encode(
        x=x,
        y=y,
        color=alt.Color(
            "weights:N", scale=scale, legend=alt.Legend(title=None, orient="top")
        ),
        size=alt.Size("ms:Q", legend=None, scale=alt.Scale(range=[40, 420])),
        tooltip=[
            "layer",
            "weights",
            "kernel",
            alt.Tooltip("ms:Q", format=".4f"),
            alt.Tooltip("intensity:Q", format=".1f"),
            alt.Tooltip("rate:Q", format=".1f"),
            alt.Tooltip("of_roof:Q", format=".0%", title="of the roof"),
            "bound",
            *(["n"] if "n" in frame else []),
        ],
    )
    best = frame.loc[frame["rate"].idxmax()]
    return Figure(
        name="roofline",
        title="Roofline: what this machine allows, what each layer reaches",
        reading=READING,
        alt=f"{len(frame)} dots under a roof of {peak:.0f} GMAC/s and "
        f"{bandwidth:.0f} GB/s; highest {best['layer']} {best['weights']} with "
        f"{percent(best['of_roof'], 0)} of its roof",
        chart=chart.properties(height=360),
        data=frame,
        conditions=f"Roofs measured on this machine: {peak:.0f} GMAC/s, "
        f"{bandwidth:.0f} GB/s. {conditions}",
    )
