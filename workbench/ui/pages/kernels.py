"""Kernels: every kernel of a layer, before and after pruning."""

import streamlit as st

from workbench.ui.charts import frame
from workbench.ui.charts.connectivity import connectivity_figure
from workbench.ui.charts.histogram import histogram_figure
from workbench.ui.charts.norms import norms_figure
from workbench.ui.components.kernels.domain_panels import palette_panel, winograd_panel
from workbench.ui.components.kernels.kernel_detail import kernel_detail
from workbench.ui.components.kernels.layer_facts import layer_facts
from workbench.ui.components.kernels.pattern_panel import pattern_panel
from workbench.ui.components.mosaic import mosaic
from workbench.ui.components.shared.layer_picker import choose_layer
from workbench.ui.services import networks, recipes
from workbench.ui.services.pictures import layer_view

network = networks.current()
recipe = recipes.current()
pruned = None if recipes.is_empty(recipe) else networks.pruned(network, recipe)

with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
    layer = choose_layer(network)
    layer_facts(layer, pruned)

view = layer_view(network, pruned, layer.id, height_px=540)
large, small = st.columns([5, 2], gap="medium")
with large:
    pick = mosaic(view, key=f"mosaic-{network.digest[:8]}-{layer.id}")
with small:
    kernel_detail(view, pick)
    if view.mask is None:
        st.caption(
            "This layer is not pruned. Choose a method on the page Prune, and the "
            "mask is drawn here, with a slider from before to after."
        )

weights, norms, wires, patterns, winograd, palette = st.tabs(
    ["Weights", "Filter norms", "Connectivity", "Patterns", "Winograd", "Palette"],
    key="view",
    on_change="rerun",
    bind="query-params",
)
if weights.open:
    with weights:
        frame.show(histogram_figure(layer.id, view.weights, view.mask), key="hist")
if norms.open:
    with norms:
        frame.show(norms_figure(layer.id, view.weights, view.mask), key="norms")
if wires.open:
    with wires:
        frame.show(connectivity_figure(layer.id, view.weights, view.mask), key="wires")
if patterns.open:
    with patterns:
        pattern_panel(network, layer)
digest = network.digest if pruned is None else pruned.digest
if winograd.open:
    with winograd:
        winograd_panel(layer, view, digest)
if palette.open:
    with palette:
        palette_panel(layer, view, digest)
