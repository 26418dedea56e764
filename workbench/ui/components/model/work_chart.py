"""Where a network's work is: bars in order of execution, or its blocks as boxes.

Belongs here: the choice between the two pictures. Does not belong here: the pictures
(``charts.layers``, ``charts.tree``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from workbench.ui.charts import frame, save
from workbench.ui.charts.layers import work_figure
from workbench.ui.charts.tree import module_tree, tree_figure
from workbench.ui.components.shared.layer_picker import follow_bar

BARS, BOXES = "layer by layer", "block by block"


def work_chart(rows: Sequence[Mapping[str, Any]], selected: str, name: str) -> None:
    """Draw the chosen picture of the multiply-adds.

    Parameters
    ----------
    rows : sequence of mapping
        As from ``services.costs.layer_rows``.
    selected : str
        Layer in force.
    name : str
        Of the network.
    """
    shown = st.segmented_control(
        "Multiply-adds",
        (BARS, BOXES),
        default=BARS,
        required=True,
        key="work_as",
        bind="query-params",
        label_visibility="collapsed",
    )
    if shown == BARS:
        names = [str(row["layer"]) for row in rows]
        frame.show(
            work_figure(rows, selected),
            key="work",
            on_select=lambda: follow_bar("work", names),
        )
        return
    tree: pd.DataFrame = module_tree(rows)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown("**Where the multiply-adds are**", width="stretch")
            st.download_button(
                "CSV",
                data=lambda: save.csv(tree),
                file_name=f"blocks-{name}.csv",
                mime="text/csv",
                key="tree-csv",
                type="tertiary",
                on_click="ignore",
                help="The numbers behind the boxes.",
            )
        st.plotly_chart(
            tree_figure(rows, name),
            key="tree",
            height=360,
            config={"displayModeBar": False},
        )
        st.caption(
            "A box is a module, its area its dense multiply-adds; the stronger its "
            "colour, the more of them are by zero. Click a box to open it, the bar on "
            "top to go back. The layer table holds the same numbers."
        )
