"""Reading the arguments of ATen calls.

Belongs here: defaults, pairs and refusals that every translation needs.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workbench.capture.builder import GraphBuilder
from workbench.engine.graph import UncoveredOp

Translation = Callable[[GraphBuilder, Sequence[Any], Mapping[str, Any]], Any]


def arg(
    args: Sequence[Any], kwargs: Mapping[str, Any], index: int, name: str, default: Any
) -> Any:
    """Return a call's argument by position, else by name, else the default."""
    if index < len(args):
        return args[index]
    return kwargs.get(name, default)


def pair(value: Any) -> tuple[int, int]:
    """Return (y, x) from one number or two."""
    if isinstance(value, int):
        return (value, value)
    values = [int(v) for v in value]
    return (values[0], values[-1])


def refuse(builder: GraphBuilder, what: str) -> UncoveredOp:
    """Return the error for a form of an operation that is not covered."""
    return UncoveredOp(what, builder.where)
