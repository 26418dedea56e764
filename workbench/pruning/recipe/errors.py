"""Errors of recipes, and pydantic's messages in the workbench's words.

Belongs here: ``RecipeError`` and the translation. Does not belong here: the recipe
(``recipe``) and its file form (``recipe_yaml``).
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from workbench.errors import WorkbenchError

Path = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)


class RecipeError(WorkbenchError):
    """A recipe that cannot be used.

    Parameters
    ----------
    found, expected, next_step : str
        As in every workbench error.
    path : tuple of str and int
        Where in the recipe, for example ``("layers", 2, "sparsity")``.
    """

    def __init__(
        self, found: str, expected: str, next_step: str, *, path: Path = ()
    ) -> None:
        super().__init__(found, expected, next_step)
        self.path = path

    def within(self, *outer: str | int) -> RecipeError:
        """Return the same error, its path prefixed."""
        path = (*outer, *self.path)
        return RecipeError(self.found, self.expected, self.next_step, path=path)

    def at(self, place: str) -> RecipeError:
        """Return the same error, said to be at ``place``."""
        found = f"{place}: {self.found}"
        return RecipeError(found, self.expected, self.next_step, path=self.path)


def build(model: type[M], values: Mapping[str, Any], owner: str) -> M:
    """Return ``model(**values)``, or raise the first problem as a RecipeError.

    Parameters
    ----------
    model : type of BaseModel
        What to build.
    values : mapping
        Keys and values as read.
    owner : str
        What the keys belong to, for the message, such as "method 'kernel'".
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise _problem(error, model, owner) from None


def _problem(error: ValidationError, model: type[BaseModel], owner: str) -> RecipeError:
    """Return the first problem; unknown keys first, they often explain the rest."""
    details = sorted(error.errors(), key=lambda d: d["type"] != "extra_forbidden")
    first = details[0]
    path = tuple(first["loc"])
    key = str(path[0]) if path else ""
    if first["type"] == "extra_forbidden":
        names = list(model.model_fields)
        return unknown_key(key, names, owner)
    if first["type"] == "missing":
        meaning = model.model_fields[key].description or "a value"
        return RecipeError(
            f"no '{key}' for {owner}", f"{key}: {meaning}", f"Add '{key}'.", path=()
        )
    text = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    shown = f"{key}: {first['input']!r}" if key else "these values together"
    return RecipeError(
        f"{shown} for {owner}",
        text,
        f"Correct '{key}'." if key else "Correct one of them.",
        path=path[:1],
    )


def unknown_key(key: str, names: list[str], owner: str) -> RecipeError:
    """Return the error for a key that nobody reads."""
    near = get_close_matches(key, names, n=1)
    advice = f"Did you mean '{near[0]}'?" if near else f"Remove '{key}'."
    known = "one of " + ", ".join(names) if names else "no key"
    return RecipeError(f"unknown key '{key}' for {owner}", known, advice, path=(key,))
