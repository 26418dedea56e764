"""The recipe in the address: taken when a link is followed, carried from page to page.

Belongs here: telling a followed link from an ordinary rerun; the unseen input that
keeps the recipe in the address. Does not belong here: what other bound widgets read by
themselves, the session's recipes (``services.recipes``).
"""

from typing import TYPE_CHECKING

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from workbench.errors import WorkbenchError
from workbench.ui import teaching
from workbench.ui.components.shared.feedback import caught
from workbench.ui.services import networks, recipes
from workbench.ui.unseen import unseen

if TYPE_CHECKING:
    from workbench.pruning.recipe.recipe import Recipe

_OPENED = "link_taken"
# Bound inputs of every page, as drawn by the shell.
_BOUND = ("model", "data", "seed", teaching.KEY)


def followed() -> bool:
    """Return whether this run draws an address that was opened or gone back to.

    In every other run the session knows better: the address that a browser sends with
    a click may be older than what the click has done.
    """
    if _OPENED not in st.session_state:
        return True
    return bool(getattr(get_script_run_ctx(), "is_history_navigation", False))


def hold() -> None:
    """Keep in the address what the session knows; called before the controls are drawn.

    A page that is left while it is still being drawn loses its bound inputs, and
    Streamlit takes them out of the address for good, unless they are set anew.
    """
    if not followed():
        for key in _BOUND:
            if key in st.session_state:
                st.session_state[key] = st.session_state[key]


def follow() -> None:
    """Take the recipe of a followed link; the shell calls this once a run.

    Gone back to, a recipe that the session knows is found in its history, so that redo
    leads forward again; an unknown one is a new state, so that undo leads back. A
    recipe that cannot be taken is said, and changes nothing.
    """
    if followed():
        with caught():
            _take(st.query_params.get(recipes.LINK, ""))
    st.session_state[_OPENED] = True


def carry() -> None:
    """Keep the recipe in force in the address, on every page."""
    st.session_state[recipes.LINK] = recipes.in_address()
    with unseen("recipe"):
        st.text_input("Recipe of the link", key=recipes.LINK, bind="query-params")


def _take(text: str) -> None:
    before = recipes.history()
    recipes.keep(before.go_to(_linked(text), same=recipes.alike))
    if not text:
        return
    try:
        networks.pruned(networks.current(), recipes.current())
    except WorkbenchError:
        recipes.keep(before)
        raise


def _linked(text: str) -> "Recipe":
    """Return the recipe of a link, the empty one for none.

    Raises
    ------
    WorkbenchError
        The text is damaged, or the recipe is for another network.
    """
    model = st.session_state["model"]
    if not text:
        return recipes.empty(model)
    linked = recipes.unpacked(text)
    if linked is None:
        raise WorkbenchError(
            "a recipe in the address that cannot be read",
            "the whole address, as the page wrote it",
            "Copy the link again; the network is shown without that recipe.",
        )
    if linked.model != model:
        raise WorkbenchError(
            f"a recipe for the network '{linked.model}' in the address",
            f"one for '{model}', the network on the page",
            "Choose that network under Model and open the link again.",
        )
    return linked
