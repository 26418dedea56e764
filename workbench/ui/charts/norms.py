"""Norms of a layer's filters, largest first, with the removed ones marked.

Belongs here: the picture. Does not belong here: scoring for pruning (``pruning``).
"""

import altair as alt
import numpy as np
import pandas as pd

from workbench.ui import theme
from workbench.ui.charts.frame import Figure
from workbench.ui.charts.parts import parts


def norms_figure(layer: str, weights: np.ndarray, mask: np.ndarray | None) -> Figure:
    """Return one bar a filter: its L1 norm before pruning and what is left of it.

    Parameters
    ----------
    layer : str
        Layer id.
    weights : numpy.ndarray
        (O, ...), unpruned values.
    mask : numpy.ndarray or None
        bool of the same shape, True = keep.
    """
    before = np.empty(weights.shape[0])
    after = np.empty_like(before)
    for rows, some, keep in parts(weights, mask):
        sizes = np.abs(some.reshape(len(some), -1))
        before[rows] = sizes.sum(axis=1, dtype=np.float64)
        if keep is not None:
            sizes *= keep.reshape(sizes.shape)
        after[rows] = sizes.sum(axis=1, dtype=np.float64)
    order = np.argsort(-before, kind="stable")
    frame = pd.DataFrame(
        {
            "rank": np.arange(order.size),
            "filter": order,
            "before": before[order],
            "after": after[order],
        }
    )
    colours = theme.palette()
    base = alt.Chart(frame).encode(
        x=alt.X(
            "rank:Q",
            title="filters, largest norm first",
            axis=_axis(),
            scale=alt.Scale(domain=[-0.7, order.size - 0.3], nice=False),
        )
    )
    tooltip = ["filter", "before", "after"]
    width = max(1.0, min(18.0, 640.0 / order.size))
    dense = base.mark_bar(color=colours.removed, width=width).encode(
        y=alt.Y("before:Q", title="L1 norm"), tooltip=tooltip
    )
    kept = base.mark_bar(color=colours.kept, width=width).encode(
        y="after:Q", tooltip=tooltip
    )
    gone = int((after == 0).sum())
    reading = "One bar a filter, its length is Σ|w|: short bars contribute little."
    if mask is not None:
        reading += f" Blue is what is left after pruning; {gone} filters are all zero."
    return Figure(
        name=f"{layer}-filter-norms",
        title=f"Filter norms of {layer}",
        reading=reading,
        alt=f"L1 norms of {order.size} filters of {layer}, {gone} removed whole",
        chart=(dense + kept).properties(height=260),
        data=frame,
    )


def _axis() -> alt.Axis:
    return alt.Axis(tickMinStep=1, format="d", grid=False)
