"""Rows of the layer table: shapes, work and sparsity of every layer.

Belongs here: arranging what ``wb.layer_costs`` returns for tables and charts. Does
not belong here: counting.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

import workbench as wb
from workbench.ui.format import shape

if TYPE_CHECKING:
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork


@dataclass(frozen=True)
class Totals:
    """Sums over all layers of a network."""

    weights: int
    nonzeros: int
    dense_macs: int
    theoretical_macs: int
    dense_bytes: int
    sparse_bytes: int

    @property
    def sparsity(self) -> float:
        """Zeros / total over all layers."""
        return 1 - self.nonzeros / self.weights


def layer_rows(network: "Network | PrunedNetwork") -> list[dict[str, object]]:
    """Return one row a layer, in order of execution."""
    return _rows(network.digest, network)


def totals(network: "Network | PrunedNetwork") -> Totals:
    """Return the sums of all layers."""
    costs = wb.layer_costs(network)
    return Totals(
        weights=sum(cost.weights for cost in costs),
        nonzeros=sum(cost.nonzeros for cost in costs),
        dense_macs=sum(cost.dense_macs for cost in costs),
        theoretical_macs=sum(cost.theoretical_macs for cost in costs),
        dense_bytes=sum(cost.dense_bytes for cost in costs),
        sparse_bytes=sum(cost.sparse_bytes for cost in costs),
    )


@st.cache_data(max_entries=24, show_spinner=False)
def _rows(
    digest: str, _network: "Network | PrunedNetwork"
) -> list[dict[str, object]]:
    costs = wb.layer_costs(_network)
    total = sum(cost.dense_macs for cost in costs)
    rows: list[dict[str, object]] = []
    for layer, cost in zip(_network.layers, costs, strict=True):
        rows.append(
            {
                "layer": layer.id,
                "kind": "depthwise" if layer.depthwise else layer.kind,
                "weight": shape(layer.weight_shape),
                "stride": layer.stride[0],
                "weights": cost.weights,
                "dense_macs": cost.dense_macs,
                "theoretical_macs": cost.theoretical_macs,
                "share": cost.dense_macs / total,
                "sparsity": 1 - cost.nonzeros / cost.weights,
            }
        )
    return rows
