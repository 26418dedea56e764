"""The list of recorded runs: reports to take away, two chosen ones compared.

Belongs here: the table, the comparison. Does not belong here: the store.
"""

import pandas as pd
import streamlit as st

from workbench.ui.components.run_scatter import run_scatter
from workbench.ui.components.tables import table_height
from workbench.ui.glossary import tip
from workbench.ui.services import runs

_WORDS = ("accuracy", "top1", "_ms", "macs", "sparsity", "bytes", "recipe", "model")


def run_list() -> None:
    """Draw the runs, newest first; choose two rows to compare them."""
    found = runs.newest()
    if not found:
        st.caption("No runs yet: measure on the page Prune or Speed.")
        return
    run_scatter(found, st.session_state["model"])
    frame = pd.DataFrame([runs.row_of(run) for run in found])
    column = st.column_config
    event = st.dataframe(
        frame,
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
            "model": column.TextColumn("Model"),
            "recipe": column.TextColumn("Recipe", width="medium"),
            "top1": column.NumberColumn("Top-1", format="percent", help=tip("top-1")),
            "sparsity": column.NumberColumn(
                "Sparsity", format="percent", help=tip("sparsity")
            ),
            "pruned_ms": column.NumberColumn("Pruned ms", format="%.3f"),
            "dense_ms": column.NumberColumn("Our dense ms", format="%.3f"),
        },
        alt=f"{len(frame)} recorded runs",
    )
    chosen = [frame.iloc[row]["id"] for row in event["selection"]["rows"]]
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
    if len(chosen) != 2:
        st.caption("Choose a row for its report, two rows to compare them.")
        return
    _compare(*chosen)


def _compare(first: str, second: str) -> None:
    differences = runs.compare(first, second)
    rows = [
        {
            "value": one.name,
            "A": _text(one.a),
            "B": _text(one.b),
            "B - A": one.delta,
        }
        for one in differences
    ]
    rows.sort(key=lambda row: not any(word in str(row["value"]) for word in _WORDS))
    st.markdown(f"**A** is {first}, **B** is {second}: {len(rows)} values differ.")
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height=420,
        column_config={"B - A": st.column_config.NumberColumn("B − A", format="%.5g")},
        alt="Values that differ between two runs",
    )


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
