"""Undo, redo, clear, open and save of the recipe.

Belongs here: the row of buttons. Does not belong here: the history itself.
"""

from typing import TYPE_CHECKING

import streamlit as st

import workbench as wb
from workbench.ui.components.shared.feedback import caught
from workbench.ui.components.shared.snippets import snippets
from workbench.ui.services import code, recipes

if TYPE_CHECKING:
    from workbench.models.network import Network

_FILE = "recipe_file"


def recipe_history(network: "Network") -> None:
    """Draw the buttons that act on the recipe as a whole."""
    history = recipes.history()
    recipe = recipes.current()
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Undo",
            icon=":material/undo:",
            shortcut="Mod+Z",
            disabled=not history.can_undo,
            on_click=lambda: recipes.keep(history.undo()),
        )
        st.button(
            "Redo",
            icon=":material/redo:",
            shortcut="Mod+Shift+Z",
            disabled=not history.can_redo,
            on_click=lambda: recipes.keep(history.redo()),
        )
        st.button(
            "Clear",
            icon=":material/delete_sweep:",
            disabled=recipes.is_empty(recipe),
            on_click=lambda: recipes.push(recipe.model_copy(update={"layers": ()})),
            help="Back to the dense network; Undo brings the recipe back.",
        )
        with st.popover("Open recipe", icon=":material/folder_open:"):
            st.file_uploader(
                "Recipe file (YAML)", type=["yaml", "yml"], key=_FILE, on_change=_open
            )
        st.download_button(
            "Save recipe",
            data=recipe.dump(),
            file_name="recipe.yaml",
            mime="application/yaml",
            icon=":material/download:",
            on_click="ignore",
        )
        snippets(
            command=f"{code.recipe_command(recipe)}python -m workbench prune "
            f"{code.argument(network)} --recipe {code.FILE} -o pruned.safetensors\n"
            f"python -m workbench eval {code.argument(network)} --recipe {code.FILE}\n"
            f"python -m workbench bench {code.argument(network)} --recipe {code.FILE}",
            python=code.opening(network, recipe)
            + 'data = wb.dataset_for(net, split="test")\n'
            "print(wb.evaluate(pruned, data))\n"
            "print(wb.bench(net, pruned).to_dict())",
            key="recipe-code",
        )


def _open() -> None:
    """Make an uploaded recipe the current one; a bad file changes nothing."""
    file = st.session_state.get(_FILE)
    if file is None:
        return
    with caught():
        text = file.getvalue().decode("utf-8", errors="replace")
        recipes.push(wb.Recipe.loads(text, source=file.name))
