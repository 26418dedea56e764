"""Presets and the one slider that prunes all layers alike.

Belongs here: ways to replace the whole recipe at once. Does not belong here: rules
for single layers (``recipe_rule``, ``recipe_table``).
"""

import streamlit as st

import workbench as wb
from workbench.ui.components.feedback import caught
from workbench.ui.glossary import tip
from workbench.ui.services import recipes
from workbench.ui.services.presets import PRESETS

_METHOD = "method"
_SPARSITY = "sparsity"


def recipe_quick() -> None:
    """Draw the presets, then method and sparsity for all layers."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**Start from**")
        for name, preset in PRESETS.items():
            st.button(
                preset.title,
                key=f"preset-{name}",
                help=preset.why,
                on_click=_use_preset,
                args=(name,),
            )
    left, right = st.columns([1, 2], gap="medium", vertical_alignment="bottom")
    with left:
        st.selectbox(
            "Method for all layers",
            _uniform_methods(),
            key=_METHOD,
            bind="query-params",
            on_change=_use_slider,
            help=tip("method"),
        )
    with right:
        st.slider(
            "Sparsity of all layers (%)",
            0,
            98,
            0,
            key=_SPARSITY,
            bind="query-params",
            on_change=_use_slider,
            help=tip("sparsity") + "\n\nThe first convolution and the classifier stay "
            "dense, as in the papers; name them in a rule to prune them too.",
        )


def _uniform_methods() -> tuple[str, ...]:
    from workbench.pruning.methods import METHODS

    return tuple(name for name in METHODS if name not in ("none", "sensitivity"))


def _use_preset(name: str) -> None:
    preset = PRESETS[name]
    st.session_state[_METHOD] = preset.method
    st.session_state[_SPARSITY] = round(100 * preset.sparsity)
    with caught():
        recipes.push(preset.recipe(st.session_state["model"], recipes.seed()))


def _use_slider() -> None:
    with caught():
        share = st.session_state[_SPARSITY] / 100
        recipe = wb.Recipe.uniform(st.session_state[_METHOD], share)
        if not share:
            recipe = recipe.model_copy(update={"layers": ()})
        named = {"model": st.session_state["model"], "seed": recipes.seed()}
        recipes.push(recipe.model_copy(update=named))
