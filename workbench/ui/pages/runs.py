"""Runs and export: what was measured, two of them compared, files to take away."""

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui.components.disagreements import Pair, disagreements
from workbench.ui.components.export_panel import export_panel
from workbench.ui.components.feedback import show_problem
from workbench.ui.components.run_list import run_list
from workbench.ui.services import data, networks, recipes

network = networks.current()
recipe = recipes.current()
pruned = None if recipes.is_empty(recipe) else networks.pruned(network, recipe)

show_problem()
st.subheader("Export")
export_panel(network, pruned)
if pruned is not None:
    st.subheader("Where dense and pruned disagree")
    try:
        disagreements(Pair(network, pruned), data.current(network), key="recipe")
    except WorkbenchError:
        st.caption("No images of this network's dataset on this machine.")
st.subheader("Runs")
run_list()
