"""The session's recipe for each model, with undo and redo, and in the address.

Belongs here: where a session keeps recipes, how edits make new ones, how a link
carries the one in force. Does not belong here: what a recipe means (``pruning``) or
the widgets that edit it.
"""

import base64
import zlib
from typing import TYPE_CHECKING

import streamlit as st

import workbench as wb
from workbench.errors import WorkbenchError
from workbench.ui.services.history import History

if TYPE_CHECKING:
    from workbench.pruning.recipe.recipe import Recipe

_KEY = "recipe_histories"
VERSION = "recipe_version"
LINK = "recipe"
MOST_BYTES = 100_000
"""Of a recipe in a link, unpacked: what a link may make the server hold."""


def history() -> "History[Recipe]":
    """Return the history of the current model; a new one is empty of rules."""
    model = st.session_state["model"]
    found: History[Recipe] | None = st.session_state.get(_KEY, {}).get(model)
    return History((empty(model),)) if found is None else found


def empty(model: str) -> "Recipe":
    """Return the recipe of a model that prunes nothing."""
    found: Recipe = wb.Recipe(model=model, seed=seed(), layers=())
    return found


def alike(one: "Recipe", other: "Recipe") -> bool:
    """Return whether two recipes have the same rules; the seed is the shell's."""
    return one.layers == other.layers


def keep(state: "History[Recipe]") -> None:
    """Make a history the current model's, and let the editor start afresh."""
    model = st.session_state["model"]
    st.session_state[_KEY] = {**st.session_state.get(_KEY, {}), model: state}
    st.session_state[VERSION] = st.session_state.get(VERSION, 0) + 1


def current() -> "Recipe":
    """Return the recipe in force, with the shell's seed."""
    recipe = history().current
    if recipe.seed != seed():
        recipe = recipe.model_copy(update={"seed": seed()})
    return recipe


def in_address() -> str:
    """Return the recipe in force as the address carries it; "" for an empty one."""
    recipe = current()
    return "" if is_empty(recipe) else packed(recipe)


def packed(recipe: "Recipe") -> str:
    """Return a recipe as text that an address can carry."""
    return base64.urlsafe_b64encode(zlib.compress(recipe.dump().encode(), 9)).decode()


def unpacked(text: str | None) -> "Recipe | None":
    """Return the recipe of a link; None for none, or for one that is broken."""
    if not text:
        return None
    try:
        unpacker = zlib.decompressobj()
        raw = unpacker.decompress(base64.urlsafe_b64decode(text), MOST_BYTES)
        found: Recipe = wb.Recipe.loads(raw.decode(), source="the link")
    except (ValueError, zlib.error, WorkbenchError):
        return None
    return found


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
    from workbench.pruning.recipe.rule import Rule

    rules = tuple(rule for rule in recipe.layers if rule.match != match)
    rule = Rule.of(match, method, **params)
    return recipe.model_copy(update={"layers": (*rules, rule)})


def is_empty(recipe: "Recipe") -> bool:
    """Return whether a recipe prunes nothing."""
    return all(rule.method == "none" for rule in recipe.layers)
