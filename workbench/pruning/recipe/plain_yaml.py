"""YAML as far as recipes need it: mappings, lists, words, numbers, true, false, null.

No tags, no aliases, no dates: what a text says is what stands in it, and reading it
takes time in proportion to its length. Every YAML text of the workbench is read here.

Belongs here: text to nodes, and nodes to plain values. Does not belong here: what
the keys mean (``recipe``), and writing (``recipe_yaml``).
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from workbench.errors import WorkbenchError

MOST_CHARACTERS = 1 << 18
"""Of a text: a rule for each of a thousand layers takes a third of it."""

MOST_LEVELS = 16
"""Of lists and mappings in one another; a recipe has four."""

_LOOKS = ("null", "bool", "int", "float")


class YamlError(WorkbenchError):
    """A text that cannot be read, and the line (from 1)."""

    def __init__(
        self,
        found: str,
        line: int = 1,
        *,
        expected: str = "YAML",
        next_step: str = "Check brackets, quotes and indentation there.",
    ) -> None:
        super().__init__(found, expected, next_step)
        self.line = line


def _fancy(found: str, line: int) -> YamlError:
    return YamlError(
        found,
        line,
        expected="plain keys and values",
        next_step="Write the values out.",
    )


class _Reader(yaml.SafeLoader):  # type: ignore[misc]
    """PyYAML's safe loader without what a text can hide in."""

    # Without dates, merge keys and "=": they read as the words that they are.
    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, regexp) for tag, regexp in looks if tag.endswith(_LOOKS)]
        for first, looks in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._levels = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Return the next node; refuse aliases, tags and depths."""
        event = self.peek_event()
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise _fancy("an alias or anchor (& or *)", line)
        if getattr(event, "tag", None) is not None:
            raise _fancy(f"the tag {event.tag}", line)
        if self._levels >= MOST_LEVELS:
            raise _fancy(f"more than {MOST_LEVELS} levels of lists", line)
        self._levels += 1
        node = super().compose_node(parent, index)
        self._levels -= 1
        return node


def compose(text: str) -> yaml.Node | None:
    """Return the one document of a text as nodes with line numbers, None if empty.

    Raises
    ------
    YamlError
        Too long or too deep, not YAML, with aliases or tags, or a key twice.
    """
    if len(text) > MOST_CHARACTERS:
        raise YamlError(
            "a longer text",
            expected=f"at most {MOST_CHARACTERS:,} characters",
            next_step="Use patterns such as 'layer3.*' instead of a rule a layer.",
        )
    try:
        reader = _Reader(text)
    except yaml.YAMLError as error:
        raise YamlError(_first_line(error)) from None
    try:
        root = reader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise YamlError(error.problem or error.context or "no YAML", line) from None
    except yaml.YAMLError as error:
        raise YamlError(_first_line(error)) from None
    finally:
        reader.dispose()
    if root is not None:
        _check_keys(root)
    return root


def value_of(node: yaml.Node) -> Any:
    """Return a node of ``compose`` as dicts, lists and plain values.

    Raises
    ------
    YamlError
        A number or text that is none, such as ``0x_``.
    """
    if isinstance(node, yaml.MappingNode):
        return {key.value: value_of(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [value_of(child) for child in node.value]
    line = node.start_mark.line + 1
    if re.search("[\ud800-\udfff]", node.value):
        raise _fancy("half of a surrogate pair, which is no character", line)
    try:
        return yaml.SafeLoader("").construct_object(node)
    except (ValueError, LookupError, ArithmeticError, yaml.YAMLError):
        raise _fancy(f"'{node.value[:40]}', which is no number", line) from None


def read_value(text: str) -> Any:
    """Return a text's value, such as one typed on a command line.

    Raises
    ------
    YamlError
        As ``compose`` and ``value_of``.

    Examples
    --------
    >>> read_value("0.8"), read_value("[a, 2]"), read_value("2001-01-01")
    (0.8, ['a', 2], '2001-01-01')
    """
    node = compose(text)
    return None if node is None else value_of(node)


def _check_keys(node: yaml.Node) -> None:
    """Raise if a key is no scalar, or stands twice, which readers silently drop."""
    if isinstance(node, yaml.SequenceNode):
        for child in node.value:
            _check_keys(child)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise _fancy("a list or mapping as a key", line)
        if key.value in seen:
            raise YamlError(
                f"key '{key.value}' twice",
                line,
                expected="each key once",
                next_step="Remove one of them.",
            )
        seen.add(key.value)
        _check_keys(value)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
