"""Which kernel runs each layer and why, with every candidate that lost.

Belongs here: the table and the reasons. Does not belong here: choosing (``engine``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from workbench.ui.components.shared.tables import LAYER_MS, table_height
from workbench.ui.format import millis
from workbench.ui.glossary import tip

Rows = Sequence[Mapping[str, Any]]


def kernel_choice(rows: Rows, *, key: str) -> None:
    """Draw one row a layer; the chosen row's rejected candidates stand beside it.

    Parameters
    ----------
    rows : sequence of mapping
        As ``profile_rows`` makes them, dense and pruned.
    key : str
        Prefix of the widget keys.
    """
    table = _table(rows)
    st.markdown("**Kernel of each layer**")
    event = st.dataframe(
        table,
        key=key,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        height=table_height(len(table), 12),
        column_config=_config(),
        alt="Kernel and time of each layer",
    )
    chosen = event["selection"]["rows"]
    if not chosen:
        st.caption("Choose a row to see every candidate and why it was not taken.")
        return
    layer = table.iloc[chosen[0]]["layer"]
    for row in rows:
        if row["layer"] == layer:
            _reasons(row)


def _table(rows: Rows) -> pd.DataFrame:
    by_layer: dict[str, dict[str, Any]] = {}
    for row in rows:
        entry = by_layer.setdefault(row["layer"], {"layer": row["layer"]})
        side = row["weights"]
        entry[f"{side}_ms"] = row["ms"]
        entry[f"{side}_kernel"] = row["kernel"]
        entry[f"{side}_executed"] = row["executed_macs"] / 1e6
    for entry in by_layer.values():
        if entry.get("pruned_ms") and entry.get("dense_ms"):
            entry["ratio"] = entry["dense_ms"] / entry["pruned_ms"]
    wanted = [
        "layer",
        "dense_ms",
        "pruned_ms",
        "ratio",
        "pruned_executed",
        "dense_executed",
        "pruned_kernel",
        "dense_kernel",
    ]
    frame = pd.DataFrame(by_layer.values())
    return frame[[name for name in wanted if name in frame]]


def _config() -> dict[str, Any]:
    column = st.column_config
    return {
        "layer": column.TextColumn("Layer", pinned=True),
        "dense_ms": column.NumberColumn("Dense ms", format="%.4f", help=LAYER_MS),
        "pruned_ms": column.NumberColumn("Pruned ms", format="%.4f", help=LAYER_MS),
        "ratio": column.NumberColumn(
            "Dense / pruned", format="%.2f×", help=tip("speed-up")
        ),
        "dense_kernel": column.TextColumn("Kernel, dense", help=tip("kernel chosen")),
        "pruned_kernel": column.TextColumn("Kernel, pruned", help=tip("kernel chosen")),
        "dense_executed": column.NumberColumn(
            "MACs, dense (M)", format="%.2f", help=tip("executed MACs")
        ),
        "pruned_executed": column.NumberColumn(
            "MACs, pruned (M)", format="%.2f", help=tip("executed MACs")
        ),
    }


def _reasons(row: Mapping[str, Any]) -> None:
    st.markdown(
        f"**{row['layer']}, {row['weights']}**: `{row['kernel']}`, {row['why']}, "
        f"{millis(row['ms'])} in the whole run."
    )
    if not row["rejected"]:
        return
    lines = []
    for one in row["rejected"]:
        time = "" if one["ms"] is None else f" ({millis(one['ms'])} alone)"
        lines.append(f"- {one['candidate']}: {one['reason']}{time}")
    st.markdown("\n".join(lines))
