"""The pattern dictionary of the selected layer, or of the whole network.

Belongs here: the controls and the two charts. Does not belong here: counting
patterns (``analysis.patterns``).
"""

from typing import TYPE_CHECKING

import streamlit as st

from workbench.ui.charts import frame
from workbench.ui.charts.patterns import coverage_figure, dictionary_figure
from workbench.ui.glossary import tip

if TYPE_CHECKING:
    from workbench.analysis.patterns import PatternStatistics
    from workbench.models.network import Layer, Network

MOST_PICTURES = 16


@st.cache_data(max_entries=32, show_spinner=False)
def _statistics(
    digest: str, layers: tuple[str, ...] | None, _network: "Network"
) -> "PatternStatistics":
    from workbench.analysis.patterns import pattern_statistics

    return pattern_statistics(_network, layers)


def pattern_panel(network: "Network", layer: "Layer") -> None:
    """Draw K and scope, the K most frequent patterns, and what K of them cover."""
    if layer.kernel_size != (3, 3):
        size = " × ".join(map(str, layer.kernel_size))
        st.info(
            f"{layer.id} has {size} kernels; patterns exist for 3 × 3 kernels. Choose "
            "another layer.",
            icon=":material/info:",
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        whole = st.segmented_control(
            "Count over",
            ["this layer", "all layers"],
            default="this layer",
            required=True,
            key="patterns_over",
            bind="query-params",
        )
        chosen = st.slider(
            "Patterns in the dictionary (K)",
            1,
            MOST_PICTURES,
            8,
            key="k",
            bind="query-params",
            help=tip("pattern"),
            width=320,
        )
    layers = None if whole == "all layers" else (layer.id,)
    found = _statistics(network.digest, layers, network)
    name = network.name if layers is None else layer.id
    shares = found.counts / max(1, int(found.counts.sum()))
    left, right = st.columns([5, 4], gap="medium")
    with left:
        figure = dictionary_figure(
            name, list(found.patterns[:chosen]), shares[:chosen].tolist()
        )
        frame.show(figure, key="patterns")
    with right:
        figure = coverage_figure(
            name, found.coverage.tolist(), found.retained.tolist(), chosen
        )
        frame.show(figure, key="coverage")
