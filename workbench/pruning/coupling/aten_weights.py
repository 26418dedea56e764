"""Torch's operations that multiply by weights, outside of the network's layers.

Belongs here: convolutions of other kinds, matrix products, attention. Does not belong
here: the table (``aten``), and operations without weights (``aten_kinds``).
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from workbench.pruning.coupling import rules
from workbench.pruning.coupling.aten_kinds import Call
from workbench.pruning.coupling.labels import Array
from workbench.pruning.coupling.shadows import Origin


def convolved(call: Call, made: list[Tensor]) -> None:
    """A convolution outside of the network's layers, of any number of axes."""
    x, weight, bias = (call.given[name] for name in ("input", "weight", "bias"))
    labels = call.shadows.read(x)
    others = [axis for axis in range(x.ndim) if axis != 1]
    read = rules.spread(call.book, labels, others, f"{call.says} mixes them").reshape(
        -1
    )
    groups, out = call.given["groups"], made[0]
    origin = call.shadows.origin(weight)
    transposed = call.given["transposed"]
    sizes = out.shape[1], x.shape[1]
    plain = origin is not None and origin.shape == tuple(weight.shape)
    if plain and origin is not None and (groups == 1 or not transposed):
        if groups > 1:
            found = rules.grouped(call.book, origin.name, read, sizes, groups)
        else:
            axes = (1, 0) if transposed else (0, 1)
            found = rules.dense(call.book, origin.name, read, sizes, axes)
        found = _biased(call, found, bias)
    elif groups == x.shape[1] == out.shape[1]:
        found = read
        if call.shadows.holds(weight):
            own = call.shadows.read(weight)
            own = rules.spread(call.book, own, range(1, own.ndim), "").reshape(-1)
            found = rules.join(call.book, [read, own], [(sizes[1],), (sizes[0],)])
        found = _biased(call, found, bias)
    else:
        call.book.labels.block(read, f"{call.says} computes its weight")
        if call.shadows.holds(weight):
            own = call.shadows.read(weight)
            call.book.labels.block(own, f"{call.says} computes its weight")
        found = np.zeros(1, np.int64)
    call.give(made, found.reshape(1, -1, *[1] * (out.ndim - 2)))


def _biased(call: Call, found: Array, bias: Tensor | None) -> Array:
    """Return the labels of channels, tied to those of a bias."""
    if isinstance(bias, Tensor):
        call.book.labels.tie(found, call.shadows.read(bias))
    return found


def added_product(call: Call, made: list[Tensor]) -> None:
    """``bias + a @ b``."""
    first, *rest = list(call.given.values())[:3]
    found = _product(call, rest[0], rest[1])
    arrays = [found, call.shadows.read(first)]
    shapes = [tuple(made[0].shape), tuple(first.shape)]
    call.give(made, rules.join(call.book, arrays, shapes))


def product(call: Call, made: list[Tensor]) -> None:
    """``a @ b``."""
    call.give(made, _product(call, *call.tensors[:2]))


def linear(call: Call, made: list[Tensor]) -> None:
    """``x @ weight.T + bias`` outside of the network's layers."""
    found = _product(call, call.tensors[0], call.given["weight"].t())
    bias = call.given.get("bias")
    if isinstance(bias, Tensor):
        arrays = [found, call.shadows.read(bias)]
        found = rules.join(call.book, arrays, [tuple(made[0].shape), tuple(bias.shape)])
    call.give(made, found)


def _product(call: Call, one: Tensor, two: Tensor) -> Array:
    """Return the labels of a matrix product, of which one may be a parameter."""
    for left, right, flipped in ((one, two, False), (two, one, True)):
        origin = call.shadows.origin(right)
        grid = _grid(origin, right, flipped) if origin is not None else None
        if origin is None or grid is None:
            continue
        (in_axis, reads), (out_axis, makes) = grid
        labels = call.shadows.read(left)
        if flipped:
            labels = labels.swapaxes(-1, -2)
        others = range(labels.ndim - 1)
        read = rules.spread(call.book, labels, others, f"{call.says} mixes them")
        wide = np.broadcast_to(read.reshape(-1), reads.shape)
        sizes = origin.shape[out_axis], origin.shape[in_axis]
        book, name = call.book, origin.name
        book.columns_at((name, in_axis), sizes[1], reads, wide)
        found = book.rows((name, out_axis), sizes[0])[makes]
        return found[:, None] if flipped else found[None, :]
    return rules.matmul(call.book, call.shadows.read(one), call.shadows.read(two))


def _grid(
    origin: Origin, matrix: Tensor, flipped: bool
) -> tuple[tuple[int, Array], tuple[int, Array]] | None:
    """Return which axis of a parameter a matrix reads by and makes by, with indices."""
    flat = origin.elements
    if matrix.ndim == 3 and (flat == flat[:1]).all():
        # One matrix for every image.
        flat = flat[0]
    if flat.ndim != 2 or len(origin.shape) != 2:
        return None
    flat = flat.T if flipped else flat
    index = np.divmod(flat, origin.shape[1])
    for in_axis in (0, 1):
        reads, makes = index[in_axis], index[1 - in_axis]
        if (reads == reads[:, :1]).all() and (makes == makes[:1]).all():
            return (in_axis, reads[:, 0]), (1 - in_axis, makes[0])
    return None


def attention(call: Call, made: list[Tensor]) -> None:
    """``softmax(q @ k.T) @ v``."""
    q, k, v = (call.at(name) for name in ("query", "key", "value"))
    rules.matmul(call.book, q, k.swapaxes(-1, -2))
    none = np.zeros((1,) * q.ndim, np.int64)
    call.give(made[:1], rules.matmul(call.book, none, v))
