"""Train: bring the accuracy back, with every removed weight held at zero."""

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui.components.shared.data_help import data_help
from workbench.ui.components.train.lottery_panel import lottery_panel
from workbench.ui.components.train.tuning_form import tuning_form
from workbench.ui.components.train.tuning_panel import tuning_panel
from workbench.ui.format import literal
from workbench.ui.services import finetunes, networks, recipes
from workbench.workflows.lottery import KIND as LOTTERY

network = networks.current()
recipe = recipes.current()
st.header(f"Train {literal(network.name)}")
if recipes.is_empty(recipe):
    st.info(
        "Nothing is pruned yet. Choose a recipe on the page Prune: training holds "
        "its zeros while the other weights make up for them.",
        icon=":material/info:",
    )
choice = tuning_form(seed=recipes.seed())
try:
    order = finetunes.order_of(networks.pruned(network, recipe), choice)
except WorkbenchError as error:
    data_help(error, network)
else:
    if choice.method == LOTTERY:
        lottery_panel(finetunes.lottery_of(order))
    else:
        tuning_panel(order)
