"""Histogram of a layer's weights, with what the mask removes and its threshold.

Belongs here: the picture. Does not belong here: counting (``analysis``).
"""

import altair as alt
import numpy as np
import pandas as pd

from workbench.ui import theme
from workbench.ui.charts.frame import Figure
from workbench.ui.charts.parts import parts
from workbench.ui.format import count, percent

BINS = 61


def histogram_figure(
    layer: str, weights: np.ndarray, mask: np.ndarray | None
) -> Figure:
    """Return the weights' histogram; removed weights are drawn apart.

    Parameters
    ----------
    layer : str
        Layer id, for the title.
    weights : numpy.ndarray
        Unpruned values, any shape.
    mask : numpy.ndarray or None
        bool of the same shape, True = keep.
    """
    limit = max(float(weights.max()), -float(weights.min())) or 1.0
    edges = np.linspace(-limit, limit, BINS + 1)
    kept, pruned, smallest = _counts(weights, mask, edges)
    frame = pd.concat(
        pd.DataFrame(
            {
                "state": state,
                "from": edges[:-1],
                "to": edges[1:],
                "weights": numbers,
            }
        )
        for state, numbers in (("kept", kept), ("pruned", pruned))
        if numbers.any()
    )
    colours = theme.palette()
    scale = alt.Scale(domain=["kept", "pruned"], range=[colours.kept, colours.removed])
    bars = (
        alt.Chart(frame)
        .mark_bar(binSpacing=1)
        .encode(
            x=alt.X("from:Q", title="weight", bin="binned"),
            x2="to",
            y=alt.Y("weights:Q", title="number of weights", stack="zero"),
            color=alt.Color("state:N", scale=scale, legend=_legend(mask)),
            tooltip=["state", "from", "to", "weights"],
        )
    )
    removed = float(pruned.sum()) / weights.size
    chart = bars
    if mask is not None and removed > 0:
        rules = pd.DataFrame({"threshold": [-smallest, smallest]})
        chart = bars + alt.Chart(rules).mark_rule(
            strokeDash=[5, 4], strokeWidth=2, color=colours.accent
        ).encode(x="threshold:Q")
    reading = f"{count(weights.size)} weights in {BINS} bins of equal width."
    if removed > 0:
        reading += (
            f" {percent(removed)} are pruned; the dashed lines mark the smallest kept "
            f"magnitude, {smallest:.3g}. A method that looks at single weights cuts "
            "sharply there; one that removes kernels or patterns does not."
        )
    return Figure(
        name=f"{layer}-weights",
        title=f"Weights of {layer}",
        reading=reading,
        alt=f"Histogram of {weights.size} weights of {layer}, {percent(removed)} "
        "pruned",
        chart=chart.properties(height=260),
        data=frame,
    )


def _counts(
    weights: np.ndarray, mask: np.ndarray | None, edges: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the bins of kept and of pruned weights, and the smallest kept size."""
    kept, pruned = np.zeros((2, BINS), dtype=np.int64)
    smallest = np.inf
    for _, some, keep in parts(weights, mask):
        stay = some.reshape(-1) if keep is None else some[keep]
        kept += np.histogram(stay, edges)[0]
        if stay.size:
            smallest = min(smallest, float(np.abs(stay).min()))
        if keep is not None:
            pruned += np.histogram(some[~keep], edges)[0]
    return kept, pruned, 0.0 if np.isinf(smallest) else smallest


def _legend(mask: np.ndarray | None) -> alt.Legend | None:
    return None if mask is None else alt.Legend(title=None, orient="top")
