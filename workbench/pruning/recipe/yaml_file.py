"""The file form of a recipe: YAML read with line numbers, and written canonically.

Belongs here: text to plain data and back. Does not belong here: what the keys mean
(``recipe``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from workbench.pruning.recipe.errors import Path, RecipeError
from workbench.pruning.recipe.plain_yaml import YamlError, compose, value_of

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*\Z")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


class Lines:
    """Line numbers of a YAML document's keys and values."""

    def __init__(self, root: yaml.Node) -> None:
        self._root = root

    def of(self, path: Path) -> int:
        """Return the line (from 1) of the deepest part of ``path`` that exists."""
        node, line = self._root, self._root.start_mark.line
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            node, line = found
        return int(line) + 1


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return value, key.start_mark.line
    elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        value = node.value[step]
        return value, value.start_mark.line
    return None


def parse(text: str, source: str) -> tuple[dict[str, Any], Lines]:
    """Return the document as plain data, and its line numbers.

    Raises
    ------
    RecipeError
        Not YAML, not a mapping, or a key written twice; names the line.
    """
    try:
        root = compose(text)
        if not isinstance(root, yaml.MappingNode):
            raise RecipeError(
                f"{source} line 1: {'no text' if root is None else 'no keys'}",
                "keys such as 'version' and 'layers'",
                "Start with 'version: 1'.",
            )
        data: dict[str, Any] = value_of(root)
    except YamlError as error:
        raise RecipeError(
            f"{source} line {error.line}: {error.found}",
            error.expected,
            error.next_step,
        ) from None
    return data, Lines(root)


def text_of(value: object) -> str:
    """Return a scalar as YAML that every reader takes for the same value.

    Examples
    --------
    >>> text_of(1e-5), text_of("conv1"), text_of("no"), text_of(True)
    ('1.0e-05', 'conv1', '"no"', 'true')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = repr(value)
        # YAML 1.1 readers take 1e-05 for a string; a float needs its point.
        return text.replace("e", ".0e") if "e" in text and "." not in text else text
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        plain = _PLAIN.match(value) and value.lower() not in _WORDS
        return value if plain else json.dumps(value, ensure_ascii=False)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(text_of(item) for item in value) + "]"
    raise TypeError(f"no YAML form for {type(value).__name__}")


def flow(values: Mapping[str, object]) -> str:
    """Return a one-line mapping, ``{a: 1, b: two}``."""
    return "{" + ", ".join(f"{k}: {text_of(v)}" for k, v in values.items()) + "}"
