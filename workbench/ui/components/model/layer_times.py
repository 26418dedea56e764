"""Measured milliseconds beside the layer table: shown, or one click away.

Belongs here: the button and the columns. Does not belong here: measuring
(``workflows.profile``).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench.ui.components.shared.feedback import caught
from workbench.ui.components.shared.job_panel import find, job_panel, remember
from workbench.workflows import orders
from workbench.workflows.profile import ProfileOrder, run_profile, times_of, total_of

if TYPE_CHECKING:
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork

    Net = Network | PrunedNetwork

_JOB = "layertimes"


def with_times(rows: Sequence[Mapping[str, Any]], network: "Net") -> list[Any]:
    """Return the rows with ``ms`` and ``time_share`` where they were measured."""
    run = orders.recorded(ProfileOrder(network))
    if run is None:
        return list(rows)
    times = times_of(run)
    total = total_of(run)
    return [
        {
            **row,
            "ms": times.get(str(row["layer"])),
            "time_share": times.get(str(row["layer"]), 0.0) / total,
        }
        for row in rows
    ]


def layer_times(network: "Net") -> None:
    """Draw where the times come from, or the button that measures them."""
    run = orders.recorded(ProfileOrder(network))
    if run is not None:
        st.caption(
            f"Times: medians inside whole runs, all other steps together make up the "
            f"rest. {run.results['line']}."
        )
        return
    running = find(_JOB)
    if running is not None and not running.finished:
        job_panel(running, ["Measuring every layer"], lambda view: None)
        return

    def start() -> None:
        with caught():
            remember(_JOB, orders.start(ProfileOrder(network), run_profile))

    st.button(
        "Measure every layer",
        icon=":material/timer:",
        on_click=start,
        help="Compiles the network for this machine and times each layer inside whole "
        "runs, one thread: seconds for a small network.",
    )
