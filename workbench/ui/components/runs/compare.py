"""Two runs side by side: figures, layers, images that they answer differently.

Belongs here: choosing A and B, and what is drawn of them. Does not belong here: the
list of runs (``run_list``), joining them (``workflows.run_layers``).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui.charts import frame
from workbench.ui.charts.run_deltas import deltas_figure
from workbench.ui.components.runs.disagreements import Pair, disagreements
from workbench.ui.components.shared.tables import (
    LAYER_MS,
    PERCENT,
    in_percent,
    table_height,
)
from workbench.ui.components.shared.tiles import tile
from workbench.ui.format import millis, percent, points
from workbench.ui.glossary import tip
from workbench.ui.notices import show_error
from workbench.ui.services import data, run_networks, runs
from workbench.workflows import run_layers

if TYPE_CHECKING:
    from workbench.store.run import Run

A, B = "a", "b"
_WORDS = ("accuracy", "top1", "_ms", "macs", "sparsity", "bytes", "recipe", "model")


def run_compare(found: "Sequence[Run]") -> None:
    """Draw the choice of A and B; once both are chosen, what sets them apart."""
    by_id = {run.id: run for run in found}
    chosen = []
    for column, key in zip(st.columns(2, gap="medium"), (A, B), strict=True):
        if st.session_state.get(key) not in by_id:
            st.session_state.pop(key, None)
        with column:
            picked = st.selectbox(
                key.upper(),
                list(by_id),
                index=None,
                key=key,
                bind="query-params",
                format_func=lambda one: runs.title_of(by_id[one]),
                placeholder="Choose a run",
                persist_state="session",
            )
        chosen.append(by_id.get(str(picked)))
    first, second = chosen
    if first is None or second is None:
        st.caption("Choose two runs here, or tick two rows of “All runs”.")
        return
    _figures(first, second)
    _layers(first, second)
    _images(first, second)
    with st.expander("Every value that differs"):
        _values(first, second)


def _figures(first: "Run", second: "Run") -> None:
    rows = [runs.row_of(one) for one in (first, second)]
    accuracy, time = (
        f"A: {say(first)}\n\nB: {say(second)}"
        for say in (runs.accuracy_shown, runs.time_shown)
    )
    tiles = st.columns(3)
    with tiles[0]:
        _tile("Top-1 accuracy", rows, "top1", help=f"{tip('top-1')}\n\n{accuracy}")
    with tiles[1]:
        _tile(
            "Time of one image",
            rows,
            "pruned_ms",
            help=f"{tip('latency')}\n\n{time}\n\nThe two were not measured in turn.",
        )
    with tiles[2]:
        _tile("Sparsity", rows, "sparsity", help=f"{tip('sparsity')}\n\nCounted.")


def _tile(label: str, rows: Sequence[dict[str, Any]], name: str, *, help: str) -> None:
    a, b = rows[0][name], rows[1][name]
    timed = name.endswith("_ms")
    show, change = (millis, _change) if timed else (percent, points)
    known = a is not None and b is not None
    tile(
        label,
        f"{show(a)} → {show(b)}" if known else "not in both",
        below=f"B − A: {change(b - a)}" if known else "",
        help=help,
    )


def _change(value: float) -> str:
    sign = "+" if value >= 0 else "\u2212"
    return sign + millis(abs(value))


def _layers(first: "Run", second: "Run") -> None:
    rows = run_layers.deltas(first, second)
    both = [row for row in rows if row["delta_ms"] is not None]
    if not both:
        st.caption("At least one of these runs did not time single layers.")
        return
    shown = (
        f"A: {runs.title_of(first)}. B: {runs.title_of(second)}. The two were not "
        "measured in turn: small differences may be the machine's."
    )
    frame.show(deltas_figure(both, conditions=shown), key="run-deltas")
    column = st.column_config
    st.dataframe(
        in_percent(pd.DataFrame(rows), ("a_sparsity", "b_sparsity")),
        hide_index=True,
        placeholder="",
        height=table_height(len(rows), 12),
        column_config={
            "layer": column.TextColumn("Layer", pinned=True),
            "a_ms": column.NumberColumn(
                "A ms", format="%.4f", help=f"{LAYER_MS} {runs.time_shown(first)}"
            ),
            "b_ms": column.NumberColumn(
                "B ms", format="%.4f", help=f"{LAYER_MS} {runs.time_shown(second)}"
            ),
            "delta_ms": column.NumberColumn(
                "B − A ms", format="%+.4f", help="Below zero: B needs less time."
            ),
            "a_sparsity": column.NumberColumn(
                "A zeros", format=PERCENT, help=tip("sparsity")
            ),
            "b_sparsity": column.NumberColumn(
                "B zeros", format=PERCENT, help=tip("sparsity")
            ),
            "a_macs": column.NumberColumn(
                "A MACs (M)", format="%.2f", help=tip("executed MACs")
            ),
            "b_macs": column.NumberColumn(
                "B MACs (M)", format="%.2f", help=tip("executed MACs")
            ),
            "a_spread": column.TextColumn("A p10 .. p90"),
            "b_spread": column.TextColumn("B p10 .. p90"),
            "a_kernel": column.TextColumn("A kernel"),
            "b_kernel": column.TextColumn("B kernel"),
        },
        alt=f"Time, zeros, MACs and kernels of {len(rows)} layers in A and B",
    )


def _images(first: "Run", second: "Run") -> None:
    if not st.toggle(
        "Show the images that A and B answer differently",
        key="differ",
        bind="query-params",
        help="Prunes both again by their recipes, re-estimates batch norms where that "
        "helps, and asks them; nothing is trained.",
    ):
        return
    try:
        a, b = run_networks.network_of(first), run_networks.network_of(second)
        disagreements(Pair(a, b, ("A", "B")), data.current(a), key="runs")
    except WorkbenchError as error:
        show_error(error)


def _values(first: "Run", second: "Run") -> None:
    rows = [
        {
            "value": one.name,
            "A": _text(one.a),
            "B": _text(one.b),
            "B - A": one.delta,
        }
        for one in runs.compare(first.id, second.id)
    ]
    rows.sort(key=lambda row: not any(word in str(row["value"]) for word in _WORDS))
    st.dataframe(
        pd.DataFrame(rows, columns=["value", "A", "B", "B - A"]),
        hide_index=True,
        height=420,
        column_config={
            "value": st.column_config.TextColumn("Value"),
            "B - A": st.column_config.NumberColumn(
                "B − A", format="%.5g", help="Where both values are numbers."
            ),
        },
        alt="Values that differ between two runs",
    )


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
