"""What torch's reshapes and transposes become in the engine's graph.

Belongs here: shape games. Those that the engine has no operation for (the
channel shuffle's reshape-transpose-reshape) are held back as `Pending` until
they make sense.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from workbench.capture.arguments import arg, refuse
from workbench.capture.builder import GraphBuilder, Value


@dataclass(frozen=True)
class Pending:
    """A (groups, C / groups, H, W) view on its way through a channel shuffle."""

    id: str
    shape: tuple[int, ...]
    source: Value
    swapped: bool = False


def reshape(b: GraphBuilder, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Translate view and reshape: flatten, or a step of a channel shuffle."""
    x = args[0]
    shape = [int(s) for s in args[1]]
    total = prod(x.shape)
    if -1 in shape:
        known = -prod(shape)
        shape[shape.index(-1)] = total // known
    target = tuple(shape[1:])
    if shape[0] != 1 or prod(target) != total:
        raise refuse(b, f"reshape of {x.shape} to {tuple(shape)}")
    if isinstance(x, Pending):
        if x.swapped and len(target) == 3 and target[1:] == x.shape[2:]:
            source = x.source
            return b.add("channel_shuffle", [source], attrs={"groups": x.shape[1]})
        raise refuse(b, f"reshape of {x.shape} to {target}")
    if target == x.shape:
        return Value(x.id, x.shape)
    if len(target) == 1:
        return b.add("flatten", [x])
    if len(target) == 4 and len(x.shape) == 3 and target[2:] == x.shape[1:]:
        return Pending(x.id, target, x)
    if len(x.shape) == 1 and target == (x.shape[0], 1, 1):
        return b.add("flatten", [x], attrs={"rank": 3})
    raise refuse(b, f"reshape of {x.shape} to {target}")


def transpose(b: GraphBuilder, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Translate the middle of a channel shuffle."""
    x = args[0]
    axes = {int(args[1]) % 5, int(args[2]) % 5}
    return _swap(b, x, axes == {1, 2})


def permute(b: GraphBuilder, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Translate the middle of a channel shuffle."""
    return _swap(b, args[0], [int(a) for a in args[1]] == [0, 2, 1, 3, 4])


def _swap(b: GraphBuilder, x: Any, fits: bool) -> Pending:
    if not isinstance(x, Pending) or not fits or x.swapped:
        raise refuse(b, f"transpose of {x.shape} outside a channel shuffle")
    groups, per = x.shape[:2]
    return Pending(x.id, (per, groups, *x.shape[2:]), x.source, swapped=True)


def shuffle(b: GraphBuilder, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Value:
    """Translate torch's own channel shuffle."""
    return b.add("channel_shuffle", [args[0]], attrs={"groups": int(args[1])})


def flatten(b: GraphBuilder, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Value:
    """Translate a flatten of channels and pixels."""
    x = args[0]
    start = int(arg(args, kwargs, 1, "start_dim", 0))
    end = int(arg(args, kwargs, 2, "end_dim", -1))
    if start not in (1, -len(x.shape)) or end not in (-1, len(x.shape)):
        raise refuse(b, f"flatten of axes {start}..{end}")
    return b.add("flatten", [x])


def squeeze(b: GraphBuilder, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Value:
    """Translate the removal of single-pixel axes."""
    x = args[0]
    if len(x.shape) == 1:
        return Value(x.id, x.shape)
    if x.shape[1:] != (1, 1):
        raise refuse(b, f"squeeze of {x.shape}")
    return b.add("flatten", [x])
