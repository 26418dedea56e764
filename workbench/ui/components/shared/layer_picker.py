"""The selected layer: one value that picker, table and chart all show and set.

Belongs here: the select box and the callbacks that follow a click elsewhere. Does
not belong here: the table (``layer_table``) and the chart (``charts.layers``).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from workbench.models.network import Layer, Network

KEY = "layer"
ENOUGH_KERNELS = 256


def choose_layer(network: "Network", *, width: int = 260) -> "Layer":
    """Draw the select box and return the layer in force."""
    names = [layer.id for layer in network.layers]
    if st.session_state.get(KEY, names[0]) not in names:
        del st.session_state[KEY]
    chosen = st.selectbox(
        "Layer",
        names,
        index=_first_interesting(network.layers),
        key=KEY,
        bind="query-params",
        help="Also chosen by a click in the layer table or in the bar chart.",
        width=width,
    )
    return network.layer(str(chosen))


def follow_rows(table_key: str, names: Sequence[str]) -> None:
    """Select the layer of the row that was clicked in a table."""
    rows = st.session_state[table_key]["selection"]["rows"]
    if rows:
        st.session_state[KEY] = names[rows[0]]


def follow_bar(chart_key: str, names: Sequence[str]) -> None:
    """Select the layer of the bar that was clicked in a chart."""
    picked = st.session_state[chart_key]["selection"].get(KEY) or []
    if picked and picked[0].get("layer") in names:
        st.session_state[KEY] = picked[0]["layer"]


def _first_interesting(layers: "Sequence[Layer]") -> int:
    """Return the first layer with enough kernels to make a picture, else 0."""
    for position, layer in enumerate(layers):
        out, into = layer.weight_shape[:2]
        if layer.kernel_size[0] > 1 and out * into >= ENOUGH_KERNELS:
            return position
    return 0
