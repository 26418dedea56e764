"""What a sweep found so far: the map, the cell that was picked, curves, gains.

Belongs here: the order of the pictures and the picked cell. Does not belong here: the
pictures (``charts.sensitivity``), measuring (``services.sweeps``).
"""

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from workbench.ui.charts import frame
from workbench.ui.charts.sensitivity import (
    PICK,
    curves_figure,
    gain_figure,
    map_figure,
)
from workbench.ui.components.shared.feedback import caught
from workbench.ui.components.shared.tables import PERCENT, in_percent, table_height
from workbench.ui.components.sweep.files import sweep_downloads
from workbench.ui.components.sweep.plan_panel import plan_panel
from workbench.ui.format import count, interval, millis, percent
from workbench.ui.glossary import tip
from workbench.ui.services import sweeps

if TYPE_CHECKING:
    from workbench.analysis.sensitivity.rows import Sweep
    from workbench.workflows.sweep.order import SweepOrder


def sweep_results(sweep: "Sweep", order: "SweepOrder") -> None:
    """Draw everything that the sweep's rows support; the order says on what."""
    table = sweeps.table(sweep)
    if table.empty:
        return
    methods = list(dict.fromkeys(table["method"]))
    method = methods[0]
    if len(methods) > 1:
        method = st.segmented_control(
            "Method on the map", methods, default=methods[0], required=True, key="shown"
        )
    cells = table[table["method"] == method].reset_index(drop=True)
    conditions = (
        f"{sweep.data}, {sweep.split} images, n = {count(sweep.base.n)}; dense "
        f"{percent(sweep.base.top1)} ({interval(sweep.base.low, sweep.base.high)})"
    )
    key = f"map-{method}"
    left, right = st.columns([3, 2], gap="medium")
    with left:
        frame.show(
            map_figure(cells, method=method, conditions=conditions),
            key=key,
            on_select=lambda: None,
        )
    with right:
        _cell(cells, _picked(key, cells))
        _table(cells, message=conditions, times=sweep.latency)
        if sweep.rows:
            sweep_downloads(sweep, method)
    if (cells["state"] == "measured").any():
        figure = curves_figure(cells, method=method, conditions=conditions)
        frame.show(figure, key=f"curves-{method}")
    if "saved_ms" in cells and cells["saved_ms"].notna().any():
        message = f"{conditions}; times: {sweep.latency}"
        figure = gain_figure(cells, method=method, conditions=message)
        frame.show(figure, key=f"gains-{method}")
        _break_even(cells)
    if sweep.rows:
        plan_panel(sweep, order)


def _picked(key: str, cells: pd.DataFrame) -> int | None:
    """Return the row of the cell that was clicked, or chosen in the table."""
    event = st.session_state.get(key) or {}
    found = (event.get("selection") or {}).get(PICK) or []
    for row, cell in cells.iterrows():
        asked = f"{100 * cell['sparsity']:g}\u00a0%"
        if found and (cell["layer"], asked) == (
            found[0].get("layer"),
            found[0].get("asked"),
        ):
            return int(str(row))
    chosen = (st.session_state.get("cells") or {}).get("selection", {}).get("rows", [])
    return chosen[0] if chosen and chosen[0] < len(cells) else None


def _cell(cells: pd.DataFrame, row: int | None) -> None:
    with st.container(border=True):
        if row is None:
            st.caption(
                "Click a cell on the map, or choose a row of this table, to see it in "
                "numbers and to take it into the recipe."
            )
            return
        cell = cells.iloc[row]
        st.markdown(f"**{cell['layer']} at {percent(cell['sparsity'], 0)}**")
        if cell["state"] != "measured":
            st.markdown(f"No numbers: {cell['state']}.")
            return
        st.markdown(
            f"- top-1 {percent(cell['top1'])} ({interval(cell['low'], cell['high'])}, "
            f"n = {count(cell['n'])})\n"
            f"- loses {cell['drop_points']:.1f} points\n"
            f"- {count(cell['weights_removed'])} weights removed, "
            f"{percent(cell['reached'])} of the layer"
        )
        if pd.notna(cell["saved_ms"]):
            word = "saves" if cell["saved_ms"] > 0 else "not faster: costs"
            st.markdown(
                f"- {word} {millis(abs(cell['saved_ms']))}, network then "
                f"{millis(cell['network_ms'])}"
            )
        st.button(
            "Take into the recipe",
            icon=":material/content_cut:",
            on_click=_use,
            args=(cell["layer"], cell["method"], float(cell["sparsity"])),
        )


def _use(layer: str, method: str, sparsity: float) -> None:
    with caught():
        sweeps.use_cell(layer, method, sparsity)


def _table(cells: pd.DataFrame, *, message: str, times: str) -> None:
    column = st.column_config
    shown = [name for name in _COLUMNS if name in cells and cells[name].notna().any()]
    whole = (cells["state"] == "measured").all()
    shown.remove("state" if whole or "reached" not in shown else "reached")
    st.dataframe(
        in_percent(cells, ("sparsity", "reached", "top1")),
        placeholder="",
        key="cells",
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        column_order=shown,
        height=table_height(len(cells), 8),
        column_config={
            "layer": column.TextColumn("Layer", pinned=True, width=92),
            "sparsity": column.NumberColumn(
                "Asked", format=PERCENT, width=62, help=tip("sparsity")
            ),
            "reached": column.NumberColumn(
                "Reached",
                format=PERCENT,
                width=68,
                help="Sparsity that the method really made.",
            ),
            "top1": column.NumberColumn(
                "Top-1",
                format=PERCENT,
                width=64,
                help=f"{tip('top-1')}\n\n{message}",
            ),
            "drop_points": column.NumberColumn(
                "Points lost",
                format="%.1f",
                width=80,
                help=f"Points of top-1 below the dense network: {message}",
            ),
            "saved_ms": column.NumberColumn(
                "Saved ms",
                format="%.3f",
                width=76,
                help=f"Time of the dense network minus with this cell: {times}",
            ),
            "loss_per_ms": column.NumberColumn(
                "Points a ms",
                format="%.1f",
                width=86,
                help="Points lost / ms saved: the lower, the cheaper.",
            ),
            "state": column.TextColumn("State", width="medium"),
        },
        alt="Sensitivity, one row a cell",
    )


_COLUMNS = (
    "layer",
    "sparsity",
    "drop_points",
    "top1",
    "saved_ms",
    "loss_per_ms",
    "reached",
    "state",
)


def _break_even(cells: pd.DataFrame) -> None:
    """Say from which sparsity on each layer is faster than dense."""
    found = []
    for layer, rows in cells[cells["saved_ms"].notna()].groupby("layer", sort=False):
        wins = rows[rows["saved_ms"] > 0]["sparsity"]
        found.append(
            f"**{layer}** "
            + ("never, up to here" if wins.empty else f"{percent(wins.min(), 0)}")
        )
    st.markdown("Break-even, the first sparsity that is faster: " + " · ".join(found))
