"""Shared values of a layer over the histogram of its weights.

Belongs here: the picture. Does not belong here: k-means (``compression``).
"""

from typing import TYPE_CHECKING

import altair as alt
import numpy as np
import pandas as pd

from workbench.ui import theme
from workbench.ui.charts.frame import Figure
from workbench.ui.format import count

if TYPE_CHECKING:
    from workbench.compression.palette import Palette

BINS = 61


def codebook_figure(layer: str, weights: np.ndarray, palette: "Palette") -> Figure:
    """Return the histogram of kept weights and one line a shared value.

    Parameters
    ----------
    layer : str
        Layer id.
    weights : numpy.ndarray of float32, any shape
        Before sharing; zeros are left out.
    palette : Palette
        What the weights became.
    """
    kept = weights[weights != 0]
    limit = float(np.abs(kept).max(initial=1e-6))
    edges = np.linspace(-limit, limit, BINS + 1)
    bars = pd.DataFrame(
        {
            "from": edges[:-1],
            "to": edges[1:],
            "weights": np.histogram(kept, edges)[0],
        }
    )
    used = np.bincount(palette.codes.reshape(-1), minlength=len(palette.codebook))
    lines = pd.DataFrame({"value": palette.codebook, "weights": used})
    colours = theme.palette()
    histogram = (
        alt.Chart(bars)
        .mark_bar(binSpacing=1, color=colours.kept, opacity=0.55)
        .encode(
            x=alt.X("from:Q", title="weight", bin="binned", axis=alt.Axis(tickCount=8)),
            x2="to",
            y=alt.Y("weights:Q", title="number of weights"),
        )
    )
    shared = (
        alt.Chart(lines)
        .mark_rule(color=colours.pruned, strokeWidth=1.5)
        .encode(x="value:Q", tooltip=["value", "weights"])
    )
    return Figure(
        name=f"{layer}-codebook",
        title=f"{len(palette.codebook)} shared values of {layer}",
        reading=(
            f"Blue: {count(kept.size)} kept weights as they were. Each orange line is "
            "one shared value; every weight moves to the nearest one. Lines crowd "
            "where weights do."
        ),
        alt=f"{len(palette.codebook)} shared values for {kept.size} weights",
        chart=(histogram + shared).properties(height=240),
        data=lines,
    )
