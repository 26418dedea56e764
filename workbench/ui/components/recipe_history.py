"""Undo, redo, clear, open and save of the recipe.

Belongs here: the row of buttons. Does not belong here: the history itself.
"""

import streamlit as st

import workbench as wb
from workbench.ui.components.feedback import caught
from workbench.ui.components.snippets import snippets
from workbench.ui.services import recipes

_FILE = "recipe_file"


def recipe_history() -> None:
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
        model = recipe.model or st.session_state["model"]
        snippets(
            command=f"python -m workbench prune {model} --recipe recipe.yaml "
            "-o pruned.safetensors\n"
            f"python -m workbench eval {model} --recipe recipe.yaml\n"
            f"python -m workbench bench {model} --recipe recipe.yaml",
            python="import workbench as wb\n\n"
            f'net = wb.load_model("{model}")\n'
            'recipe = wb.Recipe.load("recipe.yaml")\n'
            "pruned = wb.prune(net, recipe)\n"
            'data = wb.dataset_for(net, split="test")\n'
            "print(wb.evaluate(pruned, data))\n"
            "print(wb.bench(net, pruned).to_dict())",
            key="recipe-code",
            note="Save the recipe first: it is the file that the code reads.",
        )


def _open() -> None:
    """Make an uploaded recipe the current one; a bad file changes nothing."""
    file = st.session_state.get(_FILE)
    if file is None:
        return
    with caught():
        text = file.getvalue().decode("utf-8", errors="replace")
        recipes.push(wb.Recipe.loads(text, source=file.name))
