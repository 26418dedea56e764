"""Connectivity matrix: the norm of the kernel between every filter and channel.

Belongs here: the picture, thinned to what a screen can show. Does not belong here:
pruning of kernels.
"""

import altair as alt
import numpy as np
import pandas as pd

from workbench.ui import theme
from workbench.ui.charts.frame import Figure
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
    values = weights if mask is None else weights * mask
    flat = values.reshape(values.shape[0], values.shape[1], -1).astype(np.float64)
    norms = np.sqrt((flat * flat).sum(axis=2))
    cut = float((norms == 0).mean())
    shown, step_o, step_i = _thin(norms)
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


def _thin(norms: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Return means over blocks, so that no side exceeds ``MAX_SIDE`` cells."""
    rows, columns = norms.shape
    step_o, step_i = -(-rows // MAX_SIDE), -(-columns // MAX_SIDE)
    padded = np.full(
        (-(-rows // step_o) * step_o, -(-columns // step_i) * step_i), np.nan
    )
    padded[:rows, :columns] = norms
    blocks = padded.reshape(padded.shape[0] // step_o, step_o, -1, step_i)
    return np.nanmean(blocks, axis=(1, 3)), step_o, step_i
