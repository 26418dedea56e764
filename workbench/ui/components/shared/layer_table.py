"""The layer table: one row a layer; choosing a row selects the layer everywhere.

Belongs here: columns and selection. Does not belong here: the numbers (``services``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from workbench.ui.components.shared.layer_picker import follow_rows
from workbench.ui.components.shared.tables import LAYER_MS, table_height
from workbench.ui.glossary import tip

COLUMNS = (
    "layer",
    "kind",
    "weight",
    "stride",
    "weights",
    "dense_macs",
    "share",
    "ms",
    "time_share",
    "sparsity",
)

LEAST_PX, LETTER_PX, MOST_PX = 88, 7, 160


def layer_table(
    rows: Sequence[Mapping[str, Any]], selected: str, *, key: str, most: int = 9
) -> None:
    """Draw the table with the selected layer's row marked; a click selects another.

    Parameters
    ----------
    rows : sequence of mapping
        One a layer, with the keys of ``COLUMNS``.
    selected : str
        Layer in force.
    key : str
        Stable widget key.
    most : int
        Rows shown at once; more scroll.
    """
    names = [str(row["layer"]) for row in rows]
    mark = [names.index(selected)]
    st.session_state[key] = {"selection": {"rows": mark, "columns": [], "cells": []}}
    st.dataframe(
        _readable(pd.DataFrame(rows)),
        key=key,
        hide_index=True,
        height=table_height(len(rows), most),
        on_select=lambda: follow_rows(key, names),
        selection_mode="single-row",
        column_order=[name for name in COLUMNS if name in rows[0]],
        column_config=_config(names, timed="ms" in rows[0]),
        alt=f"Layer table, {len(rows)} layers",
    )


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table in the units of its headings: thousands, millions, percent."""
    scale = {"weights": 1e-3, "dense_macs": 1e-6}
    scale |= dict.fromkeys(("share", "time_share", "sparsity"), 100.0)
    here = {name: table[name] * by for name, by in scale.items() if name in table}
    return table.assign(**here)


def _config(names: Sequence[str], *, timed: bool) -> dict[str, Any]:
    """Return the columns; with times beside them, shares are numbers without bars."""
    column = st.column_config
    share = _number if timed else _bar
    return {
        "layer": column.TextColumn("Layer", pinned=True, width=name_px(names)),
        "kind": column.TextColumn("Type", width=48),
        "weight": column.TextColumn(
            "Weight", help="O × I × KH × KW, or O × I.", width=108
        ),
        "stride": column.NumberColumn(
            "Stride", width=48, help="Rows and columns from one window to the next."
        ),
        "weights": column.NumberColumn(
            "Weights (k)", format="%.1f", help=tip("parameters"), width=76
        ),
        "dense_macs": column.NumberColumn(
            "MACs (M)", format="%.2f", help=tip("dense MACs"), width=70
        ),
        "share": share("of MACs", tip("share of MACs")),
        "ms": column.NumberColumn("ms", format="%.4f", help=LAYER_MS, width=58),
        "time_share": share("of time", tip("share of time")),
        "sparsity": share("Zeros", tip("sparsity")),
    }


def name_px(names: Sequence[str]) -> int:
    """Return a width that the longest name of a layer fits in, within reason."""
    return min(max(LEAST_PX, LETTER_PX * max(map(len, names)) + 16), MOST_PX)


def _bar(name: str, help: str) -> Any:
    return st.column_config.ProgressColumn(
        name,
        format="%.1f\u00a0%%",
        min_value=0,
        max_value=100,
        width=82,
        help=help,
    )


def _number(name: str, help: str) -> Any:
    return st.column_config.NumberColumn(
        name, format="%.1f\u00a0%%", width=60, help=help
    )
