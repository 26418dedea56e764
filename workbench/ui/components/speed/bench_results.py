"""What a measurement found: engines side by side, then every layer with its kernel.

Belongs here: drawing. Does not belong here: measuring (``workflows.bench``).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench.ui.charts import frame
from workbench.ui.charts.latency import latency_figure
from workbench.ui.charts.layer_times import layer_times_figure
from workbench.ui.charts.roofline import roofline_figure
from workbench.ui.components.shared.verdict import verdicts
from workbench.ui.components.speed.kernel_choice import kernel_choice
from workbench.workflows.profile_rows import with_weights

if TYPE_CHECKING:
    from workbench.jobs.job import JobView

Parts = Mapping[str, Mapping[str, Any]]


def bench_results(parts: Parts, *, key: str) -> None:
    """Draw the parts that are there: latency, roofline, then layers.

    Parameters
    ----------
    parts : mapping
        As ``run_bench`` makes them: layers, roof, latency.
    key : str
        Prefix of the widget keys.
    """
    latency, roof = parts.get("latency"), parts.get("roof")
    line = "" if latency is None else str(latency["line"])
    if latency is not None:
        frame.show(
            latency_figure(latency["rows"], conditions=line), key=f"{key}-latency"
        )
        verdicts(latency)
    layers = parts.get("layers")
    if layers is None:
        return
    rows: Sequence[Mapping[str, Any]] = with_weights(layers["rows"])
    times = layer_times_figure(
        rows, conditions=line or "Medians of whole runs, timed step by step."
    )
    if roof and roof["rows"]:
        figure = roofline_figure(
            roof["rows"],
            peak=roof["peak"],
            bandwidth=roof["bandwidth"],
            conditions=line,
        )
        left, right = st.columns(2, gap="medium")
        with left:
            frame.show(times, key=f"{key}-layers")
        with right:
            frame.show(figure, key=f"{key}-roof")
    else:
        frame.show(times, key=f"{key}-layers")
    kernel_choice(rows, key=f"{key}-choice")


def bench_so_far(view: "JobView") -> None:
    """Draw what a measurement that is running, or has just ended, knows."""
    bench_results({row["part"]: row["value"] for row in view.rows}, key="bench")
