"""Runs and export: what was measured, two of them compared, files to take away."""

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui.components.runs.compare import run_compare
from workbench.ui.components.runs.disagreements import Pair, disagreements
from workbench.ui.components.runs.export_panel import export_panel
from workbench.ui.components.runs.run_list import run_list
from workbench.ui.services import data, networks, recipes, runs, settled

network = networks.current()
recipe = recipes.current()
pruned = None if recipes.is_empty(recipe) else networks.pruned(network, recipe)

export, every, compare, differ = st.tabs(
    ["Export", "All runs", "Compare A and B", "Dense against pruned"],
    key="part",
    on_change="rerun",
    bind="query-params",
)
if export.open:
    with export:
        export_panel(network, pruned)
if every.open:
    with every:
        run_list(runs.newest())
if compare.open:
    with compare:
        run_compare(runs.newest())
if differ.open:
    with differ:
        if pruned is None:
            st.caption("Nothing is pruned: choose a recipe on the page Prune.")
        else:
            try:
                images = data.current(network)
                used = settled.current(network, pruned).network
                disagreements(Pair(network, used), images, key="recipe")
            except WorkbenchError:
                st.caption("No images of this network's dataset on this machine.")
