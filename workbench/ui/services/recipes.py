"""The session's recipe for each model, with undo and redo.

Belongs here: where a session keeps recipes and how edits make new ones. Does not
belong here: what a recipe means (``pruning``) or the widgets that edit it.
"""

from typing import TYPE_CHECKING

import streamlit as st

import workbench as wb
from workbench.ui.services.history import History

if TYPE_CHECKING:
    from workbench.pruning.recipe import Recipe

_KEY = "recipe_histories"
VERSION = "recipe_version"


def history() -> "History[Recipe]":
    """Return the history of the current model; a new one starts empty of rules."""
    model = st.session_state["model"]
    found = st.session_state.get(_KEY, {}).get(model)
    if found is not None:
        kept: History[Recipe] = found
        return kept
    return History((wb.Recipe(model=model, seed=seed(), layers=()),))


def keep(state: "History[Recipe]") -> None:
    """Make a history the current model's, and let the editor start afresh."""
    model = st.session_state["model"]
    st.session_state[_KEY] = {**st.session_state.get(_KEY, {}), model: state}
    st.session_state[VERSION] = st.session_state.get(VERSION, 0) + 1


def current() -> "Recipe":
    """Return the recipe in force, with the shell's seed."""
    recipe = history().current
    if recipe.seed == seed():
        return recipe
    return recipe.model_copy(update={"seed": seed()})


def push(recipe: "Recipe") -> None:
    """Make a recipe the current one; the former stays reachable by undo."""
    keep(history().push(recipe))


def seed() -> int:
    """Return the shell's seed."""
    return int(st.session_state.get("seed", 0))


def with_rule(recipe: "Recipe", match: str, method: str, **params: object) -> "Recipe":
    """Return a recipe whose last word on ``match`` is a new rule.

    Parameters
    ----------
    recipe : Recipe
        Stays as it is.
    match : str
        Layer id or wildcard; an earlier rule with the same text is dropped.
    method : str
        Name of the method.
    **params
        Its parameters.

    Raises
    ------
    RecipeError
        An impossible parameter.
    """
    from workbench.pruning.rule import Rule

    rules = tuple(rule for rule in recipe.layers if rule.match != match)
    rule = Rule.of(match, method, **params)
    return recipe.model_copy(update={"layers": (*rules, rule)})


def is_empty(recipe: "Recipe") -> bool:
    """Return whether a recipe prunes nothing."""
    return all(rule.method == "none" for rule in recipe.layers)
