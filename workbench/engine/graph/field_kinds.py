"""What attributes may be: kinds of values, in words and as tests.

Belongs here: `Field`, `Fields` and their makers. Does not belong here: which operation
takes what (`fields`, `array_fields`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isnan
from typing import Any

from workbench.kernels.values.types import ACTIVATIONS as KINDS

MOST_ELEMENTS = 2**31 - 1
"""Of one tensor, with the zeros that a window reads around it: 8 GiB of float32."""

MOST_STEP = 2**20
"""Pixels of a stride, a dilation, a pad, a kernel's side or a scale."""

MOST_AXES = 8
"""Of one tensor, the batch left out."""

ANY_RANK = tuple(range(MOST_AXES + 1))

ACTIVATIONS: Mapping[str, tuple[str, ...]] = {
    kind: numbers for kind, numbers in KINDS.items() if kind != "none"
}
"""Operations that the layer before may do, and the numbers that each takes."""


@dataclass(frozen=True)
class Field:
    """One attribute: what it may be, in words and as a test.

    Parameters
    ----------
    words : str
    holds : callable
    required : bool
    """

    words: str
    holds: Callable[[Any], bool]
    required: bool = False


@dataclass(frozen=True)
class Fields:
    """What one operation takes.

    Parameters
    ----------
    inputs : tuple of int
        Least and most tensors read.
    ranks : tuple of int
        Axes that the first input may have, batch left out.
    attrs : mapping of str to Field
    params : mapping of str to int
        Axes of each parameter, -1 for any number of them; names that end in ``?`` may
        be left out.
    operands : bool
        Whether operands may be constants: the parameter ``c1`` stands in for the
        operand at position 1, and inputs fill the positions that are left.
    """

    inputs: tuple[int, int] = (1, 1)
    ranks: tuple[int, ...] = ANY_RANK
    attrs: Mapping[str, Field] = field(default_factory=dict)
    params: Mapping[str, int] = field(default_factory=dict)
    operands: bool = False


def is_whole(value: Any, least: int = 1, most: int = MOST_ELEMENTS) -> bool:
    """Say whether a value is an integer, and no boolean, within bounds."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and least <= value <= most


def whole(least: int, most: int, *, required: bool = False) -> Field:
    """Return the field of one integer."""
    words = f"an integer from {least} to {most}"
    return Field(words, lambda v: is_whole(v, least, most), required)


def wholes(count: int, least: int, most: int, *, required: bool = False) -> Field:
    """Return the field of some integers; -1 of them are as many as there are axes."""

    def holds(value: Any) -> bool:
        listed = isinstance(value, (tuple, list)) and (
            len(value) == count if count >= 0 else len(value) <= 2 * MOST_AXES
        )
        return listed and all(is_whole(v, least, most) for v in value)

    number = f"{count} integers" if count >= 0 else "integers"
    return Field(f"{number} from {least} to {most}", holds, required)


def one_of(*choices: int, required: bool = False) -> Field:
    """Return the field of one of some integers."""
    words = " or ".join(str(c) for c in choices)
    return Field(words, lambda v: is_whole(v, 1, MOST_STEP) and v in choices, required)


def word(*choices: str) -> Field:
    """Return the required field of one of some words."""
    return Field("one of " + ", ".join(choices), lambda v: v in choices, True)


def _is_number(value: Any) -> bool:
    real = isinstance(value, (int, float)) and not isinstance(value, bool)
    return real and not isnan(value)


def _is_activation(value: Any) -> bool:
    listed = isinstance(value, (tuple, list)) and len(value) == 3
    return listed and value[0] in ACTIVATIONS and all(map(_is_number, value[1:]))


FLAG = Field("true or false", lambda v: isinstance(v, bool))
NUMBER = Field("a number", _is_number, required=True)
ACT = Field("an activation (kind, number, number)", _is_activation)
TEXT = Field("text", lambda v: isinstance(v, str), required=True)
