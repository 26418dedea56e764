"""The list of recorded runs: filtered, reports to take away, two of them ticked.

Belongs here: the table. Does not belong here: the comparison (``run_compare``), the
store.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from workbench.ui.components.runs.compare import A, B
from workbench.ui.components.runs.scatter import run_scatter
from workbench.ui.components.shared.tables import PERCENT, in_percent, table_height
from workbench.ui.glossary import tip
from workbench.ui.services import runs

if TYPE_CHECKING:
    from workbench.store.run import Run

_TICKED = "ticked_runs"
_WHERE = "n, spread, machine and threads of each run are in its HTML report."
_COLUMNS = (
    "id",
    "when",
    "kind",
    "model",
    "recipe",
    "top1",
    "what",
    "sparsity",
    "pruned_ms",
    "dense_ms",
    "status",
)


def run_list(found: "Sequence[Run]") -> None:
    """Draw the runs, newest first; two ticked rows become A and B."""
    if not found:
        st.caption("No runs yet: measure on the page Prune or Speed.")
        return
    run_scatter(found, st.session_state["model"])
    frame = pd.DataFrame(
        [runs.row_of(run) for run in _filtered(found)], columns=_COLUMNS
    )
    column = st.column_config
    event = st.dataframe(
        in_percent(frame, ("top1", "sparsity")),
        key="run-table",
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        height=table_height(len(frame), 10),
        column_order=[name for name in frame if name != "id"],
        column_config={
            "when": column.TextColumn("When (UTC)"),
            "kind": column.TextColumn("What"),
            "status": column.TextColumn("Ended"),
            "model": column.TextColumn("Model", width=124),
            "recipe": column.TextColumn("Recipe", width=270),
            "top1": column.NumberColumn(
                "Top-1", format=PERCENT, help=f"{tip('top-1')}\n\n{_WHERE}"
            ),
            "what": column.TextColumn(
                "Top-1 is",
                help="Trained, else with batch norms re-estimated where "
                f"that helped, else raw.\n\n{tip('BN re-estimated')}\n\n{tip('raw')}",
            ),
            "sparsity": column.NumberColumn(
                "Sparsity", format=PERCENT, help=tip("sparsity")
            ),
            "pruned_ms": column.NumberColumn(
                "Pruned ms", format="%.3f", help=f"{tip('latency')}\n\n{_WHERE}"
            ),
            "dense_ms": column.NumberColumn(
                "Our dense ms", format="%.3f", help=f"{tip('our dense')}\n\n{_WHERE}"
            ),
        },
        placeholder="",
        alt=f"{len(frame)} recorded runs",
    )
    chosen = [frame.iloc[row]["id"] for row in event["selection"]["rows"]]
    if not chosen:
        st.caption("Tick a row for its report, two rows to compare them.")
    if len(chosen) == 2:
        st.caption("These two are A and B: see the tab “Compare A and B”.")
    for run_id in chosen:
        st.download_button(
            f"HTML report of {run_id}",
            data=runs.report(run_id),
            file_name=f"{run_id}.html",
            mime="text/html",
            key=f"report-{run_id}",
            icon=":material/description:",
            on_click="ignore",
        )
    _choose(chosen)


def _filtered(found: "Sequence[Run]") -> "Sequence[Run]":
    """Draw the filters; return the runs that pass."""
    kinds = sorted({run.kind for run in found})
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        wanted = st.pills(
            "What",
            kinds,
            selection_mode="multi",
            key="kinds",
            bind="query-params",
            help="None chosen means every kind of run.",
        )
        mine = st.toggle("Only this model", key="mine", bind="query-params")
    model = st.session_state["model"]
    return [
        run
        for run in found
        if (not wanted or run.kind in wanted)
        and (not mine or run.inputs.get("model") == model)
    ]


def _choose(chosen: list[str]) -> None:
    """Let two newly ticked rows be A and B."""
    if len(chosen) == 2 and chosen != st.session_state.get(_TICKED):
        st.session_state[A], st.session_state[B] = chosen
    st.session_state[_TICKED] = chosen
