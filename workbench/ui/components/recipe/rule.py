"""A rule for chosen layers: method, its parameters, and one button.

Belongs here: the form. Does not belong here: what the method does (``pruning``).
"""

from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench.ui import theme
from workbench.ui.components.shared.feedback import caught
from workbench.ui.components.shared.method_form import method_form
from workbench.ui.services import recipes

if TYPE_CHECKING:
    from workbench.models.network import Network

_LAYERS = "rule_layers"
_METHOD = "rule_method"


def recipe_rule(network: "Network") -> None:
    """Draw the form; the button makes it the last word on its layers."""
    from workbench.pruning.methods import METHODS

    names = [layer.id for layer in network.layers]
    kept = [name for name in st.session_state.get(_LAYERS, []) if name in names]
    if _LAYERS in st.session_state:
        st.session_state[_LAYERS] = kept
    shown = f"{len(kept)} of {len(names)} layers" if kept else "All usual layers"
    with st.popover(shown, icon=":material/layers:", width="stretch"):
        chosen = st.pills(
            "Layers",
            names,
            selection_mode="multi",
            key=_LAYERS,
            help="None chosen means all but the first convolution and the classifier.",
            persist_state="session",
        )
    method = st.selectbox(
        "Method",
        tuple(METHODS),
        index=tuple(METHODS).index("pattern"),
        key=_METHOD,
        format_func=lambda name: f"{name}: keeps {METHODS[name].keeps}",
        persist_state="session",
        help="What survives, by method.",
    )
    values = method_form(method, key="rule")
    count = "all layers" if not chosen else f"{len(chosen)} layer(s)"
    st.button(
        f"Set this rule for {count}",
        type=theme.main_button(),
        icon=":material/content_cut:",
        on_click=_set_rules,
        args=(tuple(chosen) or ("*",), method, values),
    )
    st.caption(f"Source: {METHODS[method].source}.")


def _set_rules(matches: tuple[str, ...], method: str, values: dict[str, Any]) -> None:
    """Add one rule a match; nothing changes when one of them is impossible."""
    with caught():
        recipe = recipes.current()
        for match in matches:
            recipe = recipes.with_rule(recipe, match, method, **values)
        recipes.push(recipe)
