"""Sensitivity: what each layer loses, cell by cell, and a recipe out of it."""

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui.components.shared.data_help import data_help
from workbench.ui.components.sweep.form import sweep_form
from workbench.ui.components.sweep.panel import sweep_panel
from workbench.ui.format import literal
from workbench.ui.services import data, networks

network = networks.current()
st.header(f"Sensitivity of {literal(network.name)}")
try:
    data.load(network, "val")
except WorkbenchError as error:
    data_help(error, network)
    st.stop()
sweep_panel(sweep_form(network))
