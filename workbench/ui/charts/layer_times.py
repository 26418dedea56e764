"""Milliseconds of each layer, dense beside pruned.

Belongs here: the picture of a profile. Does not belong here: profiling.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import altair as alt
import pandas as pd

from workbench.ui import theme
from workbench.ui.charts.frame import Figure

# More names than these are thinned out: a bar is then narrower than a letter.
MOST_NAMES = 24
# What says how sure a time is, and how it is written; runs of old may lack it.
SPREAD: Mapping[str, str] = MappingProxyType(
    {"p10_ms": ".4f", "p90_ms": ".4f", "n": "d"}
)


def layer_times_figure(rows: Sequence[Mapping[str, Any]], *, conditions: str) -> Figure:
    """Return two bars a layer: our dense program and our pruned one.

    Parameters
    ----------
    rows : sequence of mapping
        ``layer``, ``weights`` ("dense" or "pruned"), ``ms`` and ``kernel``; where known
        ``p10_ms``, ``p90_ms`` and ``n``, the runs these are over.
    conditions : str
        Machine, threads, date.
    """
    frame = pd.DataFrame(rows)
    spread = [name for name in SPREAD if name in frame]
    frame = frame[["layer", "weights", "ms", "kernel", *spread]]
    colours = theme.palette()
    hues = {"dense": colours.ours, "pruned": colours.pruned}
    shown = [name for name in hues if name in set(frame["weights"])]
    scale = alt.Scale(domain=shown, range=[hues[name] for name in shown])
    reading = (
        "Two bars a layer, in order of execution: an orange bar as tall as the blue "
        "one means that pruning this layer gained nothing."
        if len(shown) > 1
        else "One bar a layer, in order of execution: the tallest is where time goes."
    )
    chart = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X(
                "layer:N",
                sort=None,
                title=None,
                axis=alt.Axis(
                    labelAngle=-45,
                    labelLimit=110,
                    labelOverlap=frame["layer"].nunique() > MOST_NAMES,
                ),
            ),
            xOffset=alt.XOffset("weights:N", sort=["dense", "pruned"]),
            y=alt.Y("ms:Q", title="time (ms)"),
            color=alt.Color(
                "weights:N", scale=scale, legend=alt.Legend(title=None, orient="top")
            ),
            tooltip=[
                "layer",
                "weights",
                "kernel",
                alt.Tooltip("ms:Q", format=".4f"),
                *(alt.Tooltip(f"{name}:Q", format=SPREAD[name]) for name in spread),
            ],
        )
        .properties(height=330)
    )
    return Figure(
        name="layer-times",
        title="Time of each layer",
        reading=reading,
        alt=f"Time of {frame['layer'].nunique()} layers, {' and '.join(shown)}",
        chart=chart,
        data=frame,
        conditions=conditions,
    )
