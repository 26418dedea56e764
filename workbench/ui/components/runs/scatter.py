"""All measured runs of a model as accuracy against latency, with a sweet spot.

Belongs here: the typed threshold and the picture. Does not belong here: the runs
(``services.runs``).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from workbench.ui.charts import frame
from workbench.ui.charts.tradeoff import sweet_spot, tradeoff_figure
from workbench.ui.format import count, millis, percent
from workbench.ui.services import runs

if TYPE_CHECKING:
    from workbench.store.run import Run


def run_scatter(found: "Sequence[Run]", model: str) -> None:
    """Draw the scatter of one model's trials; nothing when there are none."""
    spots = runs.spots_of(found, model)
    if not spots:
        return
    most = st.number_input(
        "Latency to meet (ms), 0 for none",
        min_value=0.0,
        value=0.0,
        step=0.1,
        format="%.3f",
        key="budget",
        bind="query-params",
        width=260,
        help="The most accurate network within this latency is the sweet spot.",
    )
    limit = most or None
    conditions = (
        f"{model}, {count(len(spots))} networks. Points of different sessions were "
        "not measured in turn: compare those that matter again on the page Speed."
    )
    frame.show(
        tradeoff_figure(spots, conditions=conditions, most_ms=limit), key="tradeoff"
    )
    best = None if limit is None else sweet_spot(spots, most_ms=limit)
    if best is not None:
        st.markdown(
            f"Sweet spot: **{best.name}**, {percent(best.top1)} in {millis(best.ms)}."
        )
    elif limit is not None:
        st.markdown(f"No recorded network meets {millis(limit)}.")
