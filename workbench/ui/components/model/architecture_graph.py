"""The architecture as a graph, the selected layer framed; drawn when it is opened.

Belongs here: the fold and the picture. Does not belong here: the graph
(``services.architecture``).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui.notices import show_error
from workbench.ui.services import architecture

if TYPE_CHECKING:
    from workbench.models.network import Network


def architecture_graph(
    network: "Network", rows: Sequence[Mapping[str, Any]], selected: str
) -> None:
    """Draw the fold; its graph follows the layer that is selected elsewhere."""
    fold = st.expander("Architecture", key="architecture", on_change="rerun")
    if not fold.open:
        return
    shares = {str(row["layer"]): float(row["share"]) for row in rows}
    with fold:
        try:
            picture = architecture.dot(network, shares, selected)
        except WorkbenchError as error:
            show_error(error)
            return
        with st.container(height=330, border=False):
            st.graphviz_chart(picture, width="content")
        st.caption(
            "From left to right in order of execution. The stronger a layer's shade, "
            f"the larger its share of the multiply-adds; {selected} is framed. Choose "
            "another layer in the table or in the bar chart."
        )
