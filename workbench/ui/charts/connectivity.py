"""Connectivity matrix: the norm of the kernel between every filter and channel.

Belongs here: the picture, thinned to what a screen can show. Does not belong here:
pruning of kernels.
"""

import altair as alt
import numpy as np
import pandas as pd

from workbench.ui import theme
from workbench.ui.charts.frame import Figure
from workbench.ui.charts.parts import parts
from workbench.ui.format import percent

MAX_SIDE = 64


def connectivity_figure(
    layer: str, weights: np.ndarray, mask: np.ndarray | None
) -> Figure:
    """Return the O x I matrix of kernel norms after pruning.

    Parameters
    ----------
    layer : str
        Layer id.
    weights : numpy.ndarray
        (O, I, KH, KW) or (O, I), unpruned values.
    mask : numpy.ndarray or None
        bool of the same shape, True = keep.
    """
    shown, step_o, step_i, cut = _thin(weights, mask)
    o, i = np.divmod(np.arange(shown.size), shown.shape[1])
    frame = pd.DataFrame(
        {
            "filter": o * step_o,
            "filter_end": (o + 1) * step_o,
            "channel": i * step_i,
            "channel_end": (i + 1) * step_i,
            "norm": shown.reshape(-1),
        }
    )
    colours = theme.palette()
    scale = alt.Scale(range=list(colours.sequential), domainMin=0)
    chart = (
        alt.Chart(frame)
        .mark_rect()
        .encode(
            x=alt.X("channel:Q", title="input channel", scale=alt.Scale(nice=False)),
            x2="channel_end",
            y=alt.Y(
                "filter:Q",
                title="filter",
                scale=alt.Scale(nice=False, reverse=True),
            ),
            y2="filter_end",
            color=alt.condition(
                "datum.norm == 0",
                alt.value(colours.removed),
                alt.Color("norm:Q", scale=scale, title="norm"),
            ),
            tooltip=["filter", "channel", alt.Tooltip("norm:Q", format=".3g")],
        )
        .properties(height=360)
    )
    reading = (
        "Each cell is one kernel: stronger colour, stronger connection from an input "
        f"channel to a filter. Grey cells are cut ({percent(cut)} of kernels)."
    )
    if step_o * step_i > 1:
        reading += f" Cells show the mean of {step_o} × {step_i} kernels."
    return Figure(
        name=f"{layer}-connectivity",
        title=f"Connectivity of {layer}",
        reading=reading,
        alt=f"Kernel norms of {layer}, {percent(cut)} of kernels removed",
        chart=chart,
        data=frame.drop(columns=["filter_end", "channel_end"]),
    )


def _thin(
    weights: np.ndarray, mask: np.ndarray | None
) -> tuple[np.ndarray, int, int, float]:
    """Return means of norms over blocks, the blocks' sides, the share of cut kernels.

    No side has more than ``MAX_SIDE`` cells.
    """
    filters, channels = weights.shape[:2]
    step_o, step_i = -(-filters // MAX_SIDE), -(-channels // MAX_SIDE)
    starts = np.arange(0, channels, step_i)
    widths = np.diff([*starts, channels])
    lines, cut = [], 0
    for _, some, keep in parts(weights, mask, step=step_o):
        values = some if keep is None else some * keep
        flat = values.reshape(len(some), channels, -1)
        norms = np.sqrt(np.einsum("oik,oik->oi", flat, flat, dtype=np.float64))
        cut += int(np.count_nonzero(norms == 0))
        lines.append(np.add.reduceat(norms.sum(axis=0), starts) / widths / len(some))
    return np.array(lines), step_o, step_i, cut / (filters * channels)
