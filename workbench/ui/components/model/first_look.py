"""What is already measured of a network, at a glance: its time and its robust layers.

Belongs here: the two pictures of the page Model, and the wait for them at first start.
Does not belong here: measuring (``services.first_start``).
"""

from typing import TYPE_CHECKING

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui.charts import frame
from workbench.ui.charts.latency import latency_figure
from workbench.ui.charts.sensitivity import curves_figure
from workbench.ui.services import first_start, sweeps
from workbench.workflows import orders
from workbench.workflows.sweep.known import known_of, sweep_of

if TYPE_CHECKING:
    from workbench.analysis.sensitivity.rows import Sweep
    from workbench.models.network import Network

TICK_S = 1.0


def first_look(network: "Network") -> None:
    """Draw the recorded time and the recorded small sweep of a network, if any."""
    _follow()
    measured = orders.recorded(first_start.bench_order(network))
    sweep = _sweep(network)
    if measured is None and sweep is None:
        return
    st.subheader("What this machine has measured")
    # One of the two alone takes the whole width.
    known = sum(one is not None for one in (measured, sweep))
    columns = st.columns(known, gap="medium")
    if measured is not None:
        latency = measured.results["latency"]
        with columns[0]:
            frame.show(
                latency_figure(latency["rows"], conditions=str(latency["line"])),
                key="look-latency",
            )
    if sweep is not None:
        shown = f"{sweep.data}, {sweep.split} images, n = {sweep.base.n}, raw."
        cells = sweeps.table(sweep)
        with columns[-1]:
            frame.show(
                curves_figure(cells, method=sweep.methods[0], conditions=shown),
                key="look-curves",
            )


def _sweep(network: "Network") -> "Sweep | None":
    """Return the small sweep of a network when it is finished."""
    try:
        order = first_start.sweep_order(network)
    except WorkbenchError:
        return None
    known = known_of(order)
    if not known.whole or known.base is None:
        return None
    return sweep_of(order, known.rows, known.base)


def _follow() -> None:
    """Name the step that runs, and draw the page again when one is over."""
    begun = first_start.running()
    if begun is None:
        return
    before = first_start.step_of(begun)

    @st.fragment(run_every=TICK_S)
    def live() -> None:
        view = first_start.running()
        if view is None or first_start.step_of(view) != before:
            st.rerun()
        st.caption(
            f":material/hourglass_top: This machine is measured in the background, "
            f"step {before + 1} of {len(first_start.STEPS)}: "
            f"{first_start.STEPS[min(before, 2)]} ({view.elapsed_s:.0f} s so far). "
            "Results appear here; everything else works meanwhile."
        )

    live()
