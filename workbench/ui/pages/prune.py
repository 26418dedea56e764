"""Prune: the recipe, what it removes, and what that does to accuracy and time."""

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui import theme
from workbench.ui.components.recipe.history import recipe_history
from workbench.ui.components.recipe.live_panel import live_panel, measured_panel
from workbench.ui.components.recipe.preview import preview
from workbench.ui.components.recipe.quick import recipe_quick
from workbench.ui.components.recipe.rule import recipe_rule
from workbench.ui.components.recipe.table import recipe_table
from workbench.ui.components.recipe.trial_results import trial_results, trial_so_far
from workbench.ui.components.shared.feedback import put_off
from workbench.ui.components.shared.job_panel import find, job_panel, launch
from workbench.ui.services import costs, networks, recipes, trials
from workbench.workflows import orders
from workbench.workflows.trial import STEPS

network = networks.current()
recipe_quick()
recipe = recipes.current()
try:
    pruned = networks.pruned(network, recipe)
except WorkbenchError as error:
    put_off(error, "The recipe went back to the one before.")
    recipes.keep(recipes.history().undo())
    st.rerun()

order = trials.order_of(network, recipe)
running = find("trial")
earlier = None if recipes.is_empty(recipe) else orders.recorded(order)
if recipes.is_empty(recipe):
    st.caption("Choose a preset or move the slider: accuracy and time follow at once.")
elif earlier is not None:
    measured_panel(earlier, pruned)
else:
    live_panel(network, pruned)

recipe_history(network)
table, rule = st.columns([5, 2], gap="medium")
with rule, st.container(border=True):
    recipe_rule(network)
with table:
    shares = {row["layer"]: row["share"] for row in costs.layer_rows(network)}
    recipe_table(network, pruned, shares)
    preview(pruned)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(
            "Threads",
            1,
            64,
            1,
            key="threads",
            bind="query-params",
            width=110,
            help="Given to every engine alike.",
        )
        if order.threads != st.session_state["threads"]:
            order = trials.order_of(network, recipe)
            earlier = orders.recorded(order)
        st.button(
            "Apply and measure",
            type=theme.main_button(),
            icon=":material/play_arrow:",
            on_click=launch,
            args=("trial", trials.start, order),
            disabled=recipes.is_empty(recipe)
            or (running is not None and not running.finished),
        )
        st.caption(trials.estimate(order))

st.subheader("Measured against PyTorch")
if recipes.is_empty(recipe):
    st.caption("Choose a preset, move the slider, or set a rule; then measure.")
elif running is not None and (
    not running.finished or running.spec["inputs"] == order.inputs
):
    if running.spec["inputs"] != order.inputs:
        st.caption("A measurement of an earlier recipe is still running.")
    job_panel(running, STEPS, trial_so_far)
elif earlier is not None:
    st.caption(f"Measured before with this recipe, {earlier.created[:16]} UTC.")
    trial_results(earlier.results, key="trial", data=str(earlier.inputs["dataset"]))
elif running is not None:
    st.caption("Something has changed since the last measurement: measure again.")
