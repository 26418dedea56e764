"""Presets and the one slider that prunes all layers alike.

Belongs here: ways to replace the whole recipe at once. Does not belong here: rules
for single layers (``recipe_rule``, ``recipe_table``).

Method and slider show what the recipe in force says of all layers, also after undo and
after a link; the recipe alone stands in the address.
"""

from typing import TYPE_CHECKING

import streamlit as st

import workbench as wb
from workbench.errors import WorkbenchError
from workbench.ui.components.shared.feedback import caught
from workbench.ui.glossary import tip
from workbench.ui.services import recipes
from workbench.ui.services.presets import PRESETS

if TYPE_CHECKING:
    from workbench.pruning.recipe.rule import Rule

_METHOD = "method"
_SPARSITY = "sparsity"
_SHOWN = "quick_shown"
MOST = 98


def recipe_quick() -> None:
    """Draw the presets, then method and sparsity for all layers."""
    _follow_recipe()
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
            persist_state="session",
            on_change=_use_slider,
            help=tip("method"),
        )
    with right:
        st.slider(
            "Sparsity of all layers (%)",
            0,
            MOST,
            key=_SPARSITY,
            persist_state="session",
            on_change=_use_slider,
            help=tip("sparsity") + "\n\nThe first convolution and the classifier stay "
            "dense, as in the papers; name them in a rule to prune them too.",
        )


def _uniform_methods() -> tuple[str, ...]:
    from workbench.pruning.methods import METHODS

    return tuple(name for name in METHODS if name not in ("none", "sensitivity"))


def _follow_recipe() -> None:
    """Set method and slider to the recipe, if it is another than they show."""
    rules = recipes.current().layers
    if st.session_state.get(_SHOWN) == rules:
        return
    stood = st.session_state.get(_SPARSITY, 0)
    st.session_state[_SHOWN] = rules
    st.session_state[_SPARSITY] = 0
    for rule in rules:
        if rule.match == "*" and rule.method in _uniform_methods():
            st.session_state[_METHOD] = rule.method
            st.session_state[_SPARSITY] = percent_of(rule, stood)


def percent_of(rule: "Rule", stood: int = 0) -> int:
    """Return where the slider stands that makes a rule; 0 where none does.

    Parameters
    ----------
    rule : Rule
        For all layers.
    stood : int
        Where it stands; it stays there if that makes the rule too.

    Examples
    --------
    >>> percent_of(wb.Recipe.uniform("magnitude", 0.8).layers[0])
    80
    """
    from workbench.pruning.recipe.rule import Rule, method_named

    share: float | None = getattr(rule.params, "sparsity", None)
    if share is not None:
        return int(min(round(100 * share), MOST))
    for preset in PRESETS.values():
        if rule in preset.recipe("", 0).layers:
            return round(100 * preset.sparsity)
    method = method_named(rule.method)
    for percent in (stood, *range(1, MOST + 1)):
        try:
            reached = method.at_sparsity(percent / 100)
        except WorkbenchError:
            continue
        if Rule.of("*", rule.method, **reached) == rule:
            return int(percent)
    return 0


def _use_preset(name: str) -> None:
    with caught():
        preset = PRESETS[name]
        recipes.push(preset.recipe(st.session_state["model"], recipes.seed()))


def _use_slider() -> None:
    # A sparsity that is refused leaves the recipe, and the controls go back to it.
    st.session_state.pop(_SHOWN, None)
    with caught():
        share = st.session_state[_SPARSITY] / 100
        recipe = wb.Recipe.uniform(st.session_state[_METHOD], share)
        if not share:
            recipe = recipe.model_copy(update={"layers": ()})
        named = {"model": st.session_state["model"], "seed": recipes.seed()}
        recipes.push(recipe.model_copy(update=named))
