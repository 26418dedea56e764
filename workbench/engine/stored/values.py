"""Values out of JSON that somebody else wrote: taken only when they are what they say.

Belongs here: one check a type, and reading JSON itself. Does not belong here: what the
values mean (`file`, `plan`).
"""

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from workbench.errors import WorkbenchError

DEEPEST = 4
"""Lists within lists that an attribute may have."""


class StoredValueError(WorkbenchError):
    """A value of the wrong type or range in a file."""

    def __init__(self, name: str, value: object, expected: str) -> None:
        text = repr(value)
        text = text if len(text) <= 60 else text[:57] + "..."
        super().__init__(
            f"{name} is {text}",
            expected,
            "The file is damaged or was made by another program: make it again.",
        )


def parse(data: bytes | str, name: str) -> Mapping[str, Any]:
    """Return the object that JSON text holds.

    Raises
    ------
    StoredValueError
        It is no JSON, nested too deeply, or no object.
    """
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise StoredValueError(name, type(error).__name__, "JSON") from error
    return mapping(found, name)


def mapping(value: object, name: str) -> Mapping[str, Any]:
    """Return an object."""
    if not isinstance(value, dict):
        raise StoredValueError(name, value, "an object")
    return value


def items(value: object, name: str, count: int | None = None) -> Sequence[Any]:
    """Return a list, of ``count`` entries where that is given."""
    if not isinstance(value, list) or count not in (None, len(value)):
        wanted = "a list" if count is None else f"a list of {count}"
        raise StoredValueError(name, value, wanted)
    return value


def text(value: object, name: str) -> str:
    """Return a string."""
    if not isinstance(value, str):
        raise StoredValueError(name, value, "text")
    return value


def truth(value: object, name: str) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise StoredValueError(name, value, "true or false")
    return value


def whole(value: object, name: str, least: int, most: int) -> int:
    """Return an integer of a range; true and 2.0 are none.

    Examples
    --------
    >>> whole(3, "threads", 1, 256)
    3
    >>> try:
    ...     whole(True, "threads", 1, 256)
    ... except StoredValueError as error:
    ...     print(error.found, "-", error.expected)
    threads is True - an integer from 1 to 256
    """
    if type(value) is not int or not least <= value <= most:
        raise StoredValueError(name, value, f"an integer from {least} to {most}")
    return value


def number(value: object, name: str) -> float:
    """Return a finite number."""
    if type(value) not in (int, float) or not _finite(value):
        raise StoredValueError(name, value, "a finite number")
    return float(value)  # type: ignore[arg-type]


def _finite(value: Any) -> bool:
    try:
        return isfinite(value)
    except OverflowError:
        return False


def plain(value: object, name: str, depth: int = 0) -> Any:
    """Return a value as node attributes hold it: lists are tuples there."""
    if isinstance(value, list) and depth < DEEPEST:
        return tuple(plain(v, name, depth + 1) for v in value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise StoredValueError(
        name, value, f"a number, text, or lists at most {DEEPEST} deep"
    )
