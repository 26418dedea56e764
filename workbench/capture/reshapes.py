"""What reshapes and transposes become in the engine's graph, of torch and of ONNX.

Belongs here: shape games. Those that the engine has no operation for (the
channel shuffle's reshape-transpose-reshape) are held back as `Pending` until
they make sense.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from workbench.capture.arguments import refuse
from workbench.capture.builder import GraphBuilder, Value


@dataclass(frozen=True)
class Pending:
    """A (groups, C / groups, H, W) view on its way through a channel shuffle."""

    id: str
    shape: tuple[int, ...]
    source: Value
    swapped: bool = False


def reshape(b: GraphBuilder, x: Any, sizes: Sequence[int]) -> Any:
    """Translate view and reshape: flatten, or a step of a channel shuffle.

    Parameters
    ----------
    b : GraphBuilder
    x : Value or Pending
    sizes : sequence of int
        With the batch, which is one; -1 for what is left over.
    """
    shape = [int(s) for s in sizes]
    total = prod(x.shape)
    if -1 in shape:
        known = -prod(shape)
        shape[shape.index(-1)] = total // known if known else 0
    target = tuple(shape[1:])
    if not shape or shape[0] != 1 or prod(target) != total:
        raise refuse(b, f"reshape of {x.shape} to {tuple(shape)}")
    if isinstance(x, Pending):
        if x.swapped and len(target) == 3 and target[1:] == x.shape[2:]:
            source = x.source
            return b.add("channel_shuffle", [source], attrs={"groups": x.shape[1]})
        if not x.swapped and target == x.source.shape:
            return x.source
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


def transpose(b: GraphBuilder, x: Any, dim0: int, dim1: int) -> Any:
    """Translate the middle of a channel shuffle."""
    rank = len(x.shape) + 1
    return _swap(b, x, {dim0 % rank, dim1 % rank} == {1, 2})


def permute(b: GraphBuilder, x: Any, axes: Sequence[int]) -> Any:
    """Translate the middle of a channel shuffle."""
    rank = len(x.shape) + 1
    return _swap(b, x, [int(a) % rank for a in axes] == [0, 2, 1, 3, 4])


def _swap(b: GraphBuilder, x: Any, fits: bool) -> Pending:
    if not isinstance(x, Pending) or not fits or x.swapped:
        raise refuse(b, f"transpose of {x.shape} outside a channel shuffle")
    groups, per = x.shape[:2]
    return Pending(x.id, (per, groups, *x.shape[2:]), x.source, swapped=True)


def shuffle(b: GraphBuilder, x: Value, groups: int) -> Value:
    """Translate torch's own channel shuffle."""
    return b.add("channel_shuffle", [x], attrs={"groups": int(groups)})


def flatten(b: GraphBuilder, x: Any, start: int, end: int) -> Any:
    """Translate the join of neighbouring axes; axes count the batch."""
    full = (1, *x.shape)
    first, last = start % len(full), end % len(full)
    joined = prod(full[first : last + 1])
    return reshape(b, x, [*full[:first], joined, *full[last + 1 :]])


def squeeze(b: GraphBuilder, x: Value, axes: Sequence[int] | None = None) -> Value:
    """Translate the removal of single-pixel axes.

    Parameters
    ----------
    b : GraphBuilder
    x : Value
    axes : sequence of int, optional
        Counting the batch; all of length 1 if not given.
    """
    if axes is not None:
        rank = len(x.shape) + 1
        removed = {a % rank for a in axes}
        kept = [n for a, n in enumerate((1, *x.shape)) if a not in removed or n != 1]
        if kept == [1, *x.shape]:
            return x
        if 0 in removed or len(kept) != 2:
            raise refuse(b, f"squeeze of the axes dim={list(axes)} of {x.shape}")
    if len(x.shape) == 1:
        return Value(x.id, x.shape)
    if x.shape[1:] != (1, 1):
        raise refuse(b, f"squeeze of {x.shape}")
    return b.add("flatten", [x])
