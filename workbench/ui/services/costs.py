"""Rows of the layer table: shapes, work and sparsity of every layer.

Belongs here: arranging what ``wb.layer_costs`` returns for tables and charts. Does
not belong here: counting.
"""

from typing import TYPE_CHECKING, Any

import streamlit as st

import workbench as wb
from workbench.ui.format import shape

if TYPE_CHECKING:
    from workbench.analysis.cost.complexity import NetworkCost
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork


@st.cache_data(max_entries=24, show_spinner=False)
def _costs(digest: str, _network: "Network | PrunedNetwork") -> "NetworkCost":
    found: NetworkCost = wb.layer_costs(_network)
    return found


def network_cost(network: "Network | PrunedNetwork") -> "NetworkCost":
    """Return the cost of every layer and their sums, counted once."""
    return _costs(network.digest, network)


def layer_rows(network: "Network | PrunedNetwork") -> list[dict[str, Any]]:
    """Return one row a layer, in order of execution."""
    costs = network_cost(network)
    rows: list[dict[str, Any]] = []
    for layer, cost in zip(network.layers, costs.layers, strict=True):
        rows.append(
            {
                "layer": layer.id,
                "kind": "depthwise" if layer.depthwise else layer.kind,
                "weight": shape(layer.weight_shape),
                "stride": layer.stride[0],
                "weights": cost.weights,
                "dense_macs": cost.dense_macs,
                "theoretical_macs": cost.macs,
                "share": cost.dense_macs / costs.dense_macs,
                "sparsity": cost.sparsity,
            }
        )
    return rows
