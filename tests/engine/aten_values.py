"""How a call of a torch operation is written down for the tests of its arguments.

A value that is a dict stands for several arguments. ``no`` marks a value that must be
refused by name; all others must give torch's numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

IMAGE = (4, 6, 5)
VECTOR = (6,)


@dataclass(frozen=True)
class Cases:
    """Calls of one operation: ``base``, then with each argument exchanged.

    Parameters
    ----------
    base : mapping
        Arguments of a call that is covered.
    change : mapping of str to sequence
        Other values of an argument, away from its default.
    shape : tuple of int
        Of the network's input, without the batch.
    before : callable
        What the network does with its input first.
    """

    base: Mapping[str, Any] = field(default_factory=dict)
    change: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    shape: tuple[int, ...] = IMAGE
    before: Callable[[torch.Tensor], Any] = lambda x: x


LEFT_OUT = object()
"""An argument that is not given."""


@dataclass(frozen=True)
class No:
    """A value that must be refused."""

    value: Any


def no(*values: Any) -> list[No]:
    """Return values that must be refused."""
    return [No(value) for value in values]


def numbers(*shape: int) -> torch.Tensor:
    """Return seeded numbers between 0.5 and 1.5."""
    generator = torch.Generator().manual_seed(len(shape) + sum(shape))
    return torch.rand(shape, generator=generator) + 0.5
