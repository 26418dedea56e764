"""What reshapes and transposes become in the engine's graph, of torch and of ONNX.

Belongs here: shape games on tensors of any rank, and where the batch goes in them. A
program runs one image at a time: its tensors are the framework's without the batch
axis, which has size one while a network is read. Sizes and axes that come in here count
it.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

from workbench.capture.arguments import refuse
from workbench.capture.builder import GraphBuilder, Value


def reshape(b: GraphBuilder, x: Value, sizes: Sequence[int]) -> Value:
    """Return the same numbers in another shape.

    Parameters
    ----------
    b : GraphBuilder
    x : Value
    sizes : sequence of int
        With the batch, which is one; -1 for what is left over.
    """
    shape = [int(s) for s in sizes]
    total = prod(x.shape)
    if -1 in shape:
        known = -prod(shape)
        shape[shape.index(-1)] = total // known if known else 0
    if prod(shape) != total:
        raise refuse(b, f"reshape of {x.full} to {tuple(shape)}")
    return as_shape(b, x, tuple(shape), _batch_after(x, shape))


def _batch_after(x: Value, shape: Sequence[int]) -> int | None:
    """Return the axis that the batch is in a new shape; None where it is in none.

    An axis of size one behind as many elements as before can be the batch. A batch that
    was merged with another axis comes apart to the front.
    """
    if x.batch is None:
        return 0 if shape and shape[0] == 1 else None
    before = prod(x.full[: x.batch])
    fitting = [
        axis
        for axis, size in enumerate(shape)
        if size == 1 and prod(shape[:axis]) == before
    ]
    return x.batch if x.batch in fitting else next(iter(fitting), None)


def as_shape(
    b: GraphBuilder, x: Value, full: tuple[int, ...], batch: int | None
) -> Value:
    """Return a tensor whose framework's shape is ``full``, its batch at an axis."""
    mine = full if batch is None else (*full[:batch], *full[batch + 1 :])
    if mine == x.shape:
        return replace(x, batch=batch)
    source = b.before(x, "reshape")
    if source is not None and source.shape == mine:
        return replace(x, id=source.id, shape=mine, batch=batch)
    shuffled = _shuffled(b, x, mine)
    if shuffled is not None:
        made = shuffled
    elif len(mine) == 1:
        made = b.add("flatten", [x])
    elif len(x.shape) == 1 and mine == (x.shape[0], 1, 1):
        made = b.add("flatten", [x], attrs={"rank": 3})
    else:
        made = b.add("reshape", [x], attrs={"shape": mine})
    return replace(made, batch=batch, kind=x.kind)


def _shuffled(b: GraphBuilder, x: Value, shape: tuple[int, ...]) -> Value | None:
    """Return a channel shuffle where a reshape ends one, else None."""
    middle = b.before(x, "permute")
    source = None if middle is None else b.before(middle, "reshape")
    if middle is None or source is None or len(middle.shape) != 4:
        return None
    swapped = (middle.shape[1], middle.shape[0], *middle.shape[2:])
    if x.shape != swapped or source.shape != shape or len(shape) != 3:
        return None
    if middle.shape[2:] != shape[1:] or b.attrs(x)["axes"] != (1, 0, 2, 3):
        return None
    return b.add("channel_shuffle", [source], attrs={"groups": middle.shape[0]})


def whole(b: GraphBuilder, x: Value) -> Value:
    """Return a tensor that has the framework's own shape: no axis is the batch."""
    return as_shape(b, x, x.full, None)


def transpose(b: GraphBuilder, x: Value, dim0: int, dim1: int) -> Value:
    """Return two axes exchanged."""
    rank = len(x.full)
    axes = list(range(rank))
    axes[dim0 % rank], axes[dim1 % rank] = axes[dim1 % rank], axes[dim0 % rank]
    return permute(b, x, axes)


def permute(b: GraphBuilder, x: Value, axes: Sequence[int]) -> Value:
    """Return axes in another order."""
    rank = len(x.full)
    order = [int(a) % rank for a in axes]
    if sorted(order) != list(range(rank)):
        raise refuse(b, f"permute of {x.full} by {list(axes)}")
    batch = None if x.batch is None else order.index(x.batch)
    mine = tuple(own_axis(x, a) for a in order if a != x.batch)
    if mine == tuple(range(len(mine))):
        return replace(x, batch=batch)
    moved = [a for a in mine if x.shape[a] != 1]
    if moved == sorted(moved):
        # Only axes of one element change places.
        return as_shape(b, x, tuple(x.full[a] for a in order), batch)
    made = b.add("permute", [x], attrs={"axes": mine})
    return replace(made, batch=batch, kind=x.kind)


def own_axis(x: Value, axis: int) -> int:
    """Return the axis of the graph's tensor that is an axis of the framework's."""
    axis %= max(len(x.full), 1)
    return axis if x.batch is None or axis < x.batch else axis - 1


def shuffle(b: GraphBuilder, x: Value, groups: int) -> Value:
    """Translate torch's own channel shuffle."""
    return b.add("channel_shuffle", [x], attrs={"groups": int(groups)})


def flatten(b: GraphBuilder, x: Value, start: int, end: int) -> Value:
    """Return neighbouring axes joined."""
    full = x.full or (1,)
    first, last = start % len(full), end % len(full)
    joined = prod(full[first : last + 1])
    return reshape(b, x, [*full[:first], joined, *full[last + 1 :]])


def squeeze(b: GraphBuilder, x: Value, axes: Sequence[int] | None = None) -> Value:
    """Return a tensor without axes of size one.

    Parameters
    ----------
    b : GraphBuilder
    x : Value
    axes : sequence of int, optional
        Counting the batch; all if not given. An axis that is larger stays.
    """
    rank = max(len(x.full), 1)
    removed = {a % rank for a in (range(rank) if axes is None else axes)}
    kept = [a for a in range(len(x.full)) if a not in removed or x.full[a] != 1]
    batch = kept.index(x.batch) if x.batch in kept else None
    return as_shape(b, x, tuple(x.full[a] for a in kept), batch)


def unsqueeze(b: GraphBuilder, x: Value, axis: int) -> Value:
    """Return a tensor with one more axis of size one."""
    axis %= len(x.full) + 1
    full = (*x.full[:axis], 1, *x.full[axis:])
    if x.batch is None:
        return as_shape(b, x, full, 0 if axis == 0 else None)
    return as_shape(b, x, full, x.batch + (axis <= x.batch))


def expand(b: GraphBuilder, x: Value, sizes: Sequence[Any]) -> Value:
    """Return axes of size one repeated; -1 keeps an axis."""
    more = len(sizes) - len(x.full)
    full = (*(1,) * more, *x.full)
    wanted = tuple(n if s == -1 else int(s) for n, s in zip(full, sizes, strict=True))
    batch = None if x.batch is None else x.batch + more
    if batch is not None and wanted[batch] != 1:
        x, batch = whole(b, x), None
    x = as_shape(b, x, full, batch)
    mine = wanted if batch is None else (*wanted[:batch], *wanted[batch + 1 :])
    if mine == x.shape:
        return x
    made = b.add("expand", [x], attrs={"shape": mine})
    return replace(made, batch=batch, kind=x.kind)
