"""What kinds of operations do with the labels of the channels that they read.

Belongs here: a function a kind. Does not belong here: which operation is of which kind
(``aten`` for torch's, ``engine_ops`` for the engine's).

Every function takes compact labels (size 1 along an axis where they do not change) and
returns such labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from workbench.pruning.coupling.book import Book
from workbench.pruning.coupling.labels import FREE, Again, Array, compact, together


def join(
    book: Book, arrays: Sequence[Array], shapes: Sequence[tuple[int, ...]]
) -> Array:
    """Return the labels of an operation element by element, which ties its operands.

    An operand of size 1 along an axis where another has channels meets all of them: it
    must stay, and says nothing of theirs.

    Parameters
    ----------
    arrays : sequence of Array
        One an operand.
    shapes : sequence of tuple
        The operands' whole shapes.
    """
    most = max(len(shape) for shape in shapes)
    whole = [(1,) * (most - len(shape)) + tuple(shape) for shape in shapes]
    found = [
        array.reshape((1,) * (most - array.ndim) + array.shape) for array in arrays
    ]
    kept = []
    for index, (array, shape) in enumerate(zip(found, whole, strict=True)):
        single = any(
            shape[axis] == 1 and other.shape[axis] > 1
            for axis in range(most)
            for number, other in enumerate(found)
            if number != index
        )
        if single and array.any():
            book.labels.block(array, "one value meets many channels there")
        elif array.any():
            kept.append(array)
    if not kept:
        return np.zeros((1,) * most, np.int64)
    result = kept[0]
    for other in kept[1:]:
        book.labels.tie(result, other)
        one, two = np.broadcast_arrays(result, other)
        result = np.where(one != FREE, one, two)
    return compact(result)


def mix(book: Book, labels: Array, axes: Iterable[int], why: str) -> Array:
    """Return the labels once those along some axes are tied: size 1 along these."""
    for axis in axes:
        if labels.shape[axis] == 1:
            continue
        best = labels.max(axis=axis, keepdims=True)
        half = (labels == FREE).any(axis=axis, keepdims=True) & (best != FREE)
        if half.any():
            book.labels.block(np.where(half, labels, FREE), why)
        book.labels.tie(best, labels, why)
        labels = best
    return labels


def spread(book: Book, labels: Array, axes: Iterable[int], why: str) -> Array:
    """Return labels tied along axes where free ones, a border's, do not matter."""
    for axis in axes:
        if labels.shape[axis] > 1:
            best = labels.max(axis=axis, keepdims=True)
            book.labels.tie(best, labels, why)
            labels = best
    return labels


def dense(
    book: Book, name: str, labels: Array, sizes: tuple[int, int], axes: tuple[int, int]
) -> Array:
    """Return the labels of what a weight makes that reads every channel.

    Parameters
    ----------
    name : str
        The weight.
    labels : Array
        Of each channel read, (inputs,) or (1,).
    sizes : (int, int)
        Outputs, inputs.
    axes : (int, int)
        The weight's axis of each.
    """
    outputs, inputs = sizes
    book.columns((name, axes[1]), np.broadcast_to(labels, (inputs,)).copy())
    return book.rows((name, axes[0]), outputs)


def grouped(
    book: Book, name: str, labels: Array, sizes: tuple[int, int], groups: int
) -> Array:
    """Return the labels of what a convolution in groups makes; ``Book`` ties them.

    Parameters
    ----------
    As ``dense``; the weight's rows are axis 0, its columns axis 1.
    """
    outputs, inputs = sizes
    reads = np.broadcast_to(labels, (inputs,)).reshape(groups, -1)
    rows = book.rows((name, 0), outputs)
    makes = rows.reshape(groups, -1)
    if not isinstance(book.labels, Again):
        book.groups.setdefault(name, []).append((reads, makes))
    elif name in book.whole:
        book.labels.tie(reads[:, :1], makes[:, :1], f"{name!r} in groups")
    else:
        book.columns((name, 1), reads.max(axis=0))
    return rows


def matmul(book: Book, one: Array, two: Array) -> Array:
    """Return the labels of a product (..., n, k) x (..., k, m).

    Channels along k meet in pairs and are gone; those along n and m go on.
    """
    one, two = together([one, two])
    ks = one.shape[-1] > 1, two.shape[-2] > 1
    ends = one.shape[-2] > 1, two.shape[-1] > 1
    why = "a matrix product mixes them"
    left, right = one, two.copy()
    if ks[0] and ends[0]:
        book.labels.block(one, why)
        left = np.zeros_like(one[..., :1])
    if ks[1] and ends[1]:
        book.labels.block(two, why)
        right = np.zeros_like(two[..., :1, :])
    if ks[0] or ks[1]:
        if ks[0] and ks[1] and left.any() and right.any():
            book.labels.tie(np.swapaxes(left, -1, -2), right, "")
            half = np.broadcast_arrays(np.swapaxes(left, -1, -2), right)
            lone = (half[0] == FREE) != (half[1] == FREE)
            book.labels.block(np.where(lone, half[0] + half[1], FREE), why)
            return np.zeros((1,) * one.ndim, np.int64)
        if ks[0]:
            book.labels.block(left, why)
            left = np.zeros_like(left[..., :1])
        if ks[1]:
            book.labels.block(right, why)
            right = np.zeros_like(right[..., :1, :])
    left, right = left[..., :1], right[..., :1, :]
    if left.any() and right.any():
        if ends[1] or not ends[0]:
            book.labels.block(left, why)
            left = np.zeros_like(left)
        if ends[0] or not ends[1]:
            book.labels.block(right, why)
            right = np.zeros_like(right)
    a, b = np.broadcast_arrays(left, right)
    return compact(np.where(a != FREE, a, b))


def norm_groups(
    book: Book, labels: Array, groups: int, channels: int, why: str
) -> Array:
    """Return the labels of (N, C, ...) once those of each norm's group are tied."""
    labels = spread(book, labels, range(2, labels.ndim), why)
    if labels.shape[1] > 1:
        parts = labels.reshape(labels.shape[0], groups, channels // groups)
        mix(book, parts, (2,), why)
    return labels
