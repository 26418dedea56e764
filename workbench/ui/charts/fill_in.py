"""How many zeros each Winograd coordinate keeps.

Belongs here: the picture. Does not belong here: counting (``analysis.winograd``).
"""

from typing import TYPE_CHECKING

import altair as alt
import numpy as np
import pandas as pd

from workbench.ui import theme
from workbench.ui.charts.frame import Figure
from workbench.ui.format import percent, ratio

if TYPE_CHECKING:
    from workbench.analysis.algorithms.winograd import FillIn


def fill_in_figure(layer: str, fill: "FillIn") -> Figure:
    """Return an alpha x alpha map: the share of kernels with a zero there.

    Parameters
    ----------
    layer : str
        Layer id.
    fill : FillIn
        Of the layer's weights after pruning.
    """
    side = fill.by_coordinate.shape[0]
    row, column = np.divmod(np.arange(side * side), side)
    shares = fill.by_coordinate.reshape(-1)
    frame = pd.DataFrame(
        {
            "row": row,
            "column": column,
            "zeros": shares,
            "text": [percent(share, 0) for share in shares],
            "dark": shares > 0.55,
        }
    )
    colours = theme.palette()
    base = alt.Chart(frame).encode(
        x=alt.X("column:O", title="column", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("row:O", title="row"),
    )
    boxes = base.mark_rect(stroke=colours.paper, strokeWidth=2).encode(
        color=alt.Color(
            "zeros:Q",
            title="zeros",
            legend=None,
            scale=alt.Scale(domain=[0, 1], range=list(colours.sequential)),
        ),
        tooltip=["row", "column", alt.Tooltip("zeros:Q", format=".1%")],
    )
    words = base.mark_text(fontSize=11).encode(
        text="text:N",
        color=alt.condition(
            "datum.dark", alt.value(colours.paper), alt.value(colours.text)
        ),
    )
    m = fill.m
    return Figure(
        name=f"{layer}-fill-in-f{m}",
        title=f"Zeros that survive in F({m} × {m}, 3 × 3)",
        reading=(
            f"Share of kernels whose coordinate is zero: the four corners see one tap, "
            f"the middle all nine. {percent(fill.spatial_sparsity)} of the weights are "
            f"zero before, {percent(fill.winograd_sparsity)} after. Sparse Winograd "
            f"then multiplies {ratio(fill.multiplies)} as often as sparse direct "
            "convolution."
        ),
        alt=f"{percent(fill.spatial_sparsity)} zeros before, "
        f"{percent(fill.winograd_sparsity)} after the transform",
        chart=(boxes + words).properties(height=300),
        data=frame.drop(columns=["text", "dark"]),
    )
