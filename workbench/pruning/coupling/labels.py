"""Labels of channels, and which of them are one: a union-find over NumPy arrays.

Belongs here: labels, ties between them, and what is said of them. Does not belong here:
what an operation does with labels (``rules``).

A label is a whole number from 1; 0 stands for what is in every network: the image,
constants. Arrays of labels have the shape of the value that they describe, with 1 in
place of every axis along which they do not change.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.int64]
FREE = 0


class Labels:
    """All labels of one network, joined as its operations join their channels.

    Attributes
    ----------
    blocked : dict of int to str
        Why a label must stay, by its root.
    said : dict of int to str
        What tied a label to others, by its root.
    pairs : set of (int, int)
        Labels that were tied, as they are.
    """

    def __init__(self) -> None:
        self._parent: Array = np.zeros(1, np.int64)
        self._used = 1
        self.blocked: dict[int, str] = {}
        self.said: dict[int, str] = {}
        self.pairs: set[tuple[int, int]] = set()

    def fresh(self, count: int) -> Array:
        """Return labels that nothing has yet, int64 (count,)."""
        first, self._used = self._used, self._used + count
        if self._used > self._parent.size:
            more = np.arange(self._parent.size, 2 * self._used)
            self._parent = np.concatenate([self._parent, more])
        return np.arange(first, self._used)

    def roots(self, labels: Array) -> Array:
        """Return the label that stands for each one's whole set."""
        found = self._parent[labels]
        while True:
            further = self._parent[found]
            if np.array_equal(further, found):
                break
            found = further
        if found.ndim and found.size > 1:
            self._parent[labels] = found
        return found

    def tie(self, one: Array, two: Array, why: str = "") -> None:
        """Make the labels at equal positions one, where neither is free.

        Examples
        --------
        >>> labels = Labels()
        >>> a, b = labels.fresh(3), labels.fresh(3)
        >>> labels.tie(a, b)
        >>> bool((labels.roots(a) == labels.roots(b)).all())
        True
        """
        pairs = _pairs(one, two)
        self.pairs.update(map(tuple, pairs.tolist()))
        roots = self.roots(pairs)
        for first, second in roots[roots[:, 0] != roots[:, 1]].tolist():
            self._join(first, second, why)

    def _join(self, one: int, two: int, why: str) -> None:
        first, second = self._root(one), self._root(two)
        if first == second:
            return
        self._parent[second] = first
        for found in (self.blocked, self.said):
            if second in found:
                found.setdefault(first, found.pop(second))
        if why:
            self.said.setdefault(first, why)

    def _root(self, label: int) -> int:
        while (above := int(self._parent[label])) != label:
            label = above
        return label

    def block(self, labels: Array, why: str) -> None:
        """Say that these labels must stay."""
        for root in self.sets(labels):
            self.blocked.setdefault(root, why)

    def sets(self, labels: Array) -> list[int]:
        """Return the roots among some labels, without the free one."""
        return [int(one) for one in np.unique(self.roots(labels)) if one != FREE]


class Again(Labels):
    """The labels of a network whose channels were cut, against those before.

    Attributes
    ----------
    astray : dict of int to str
        Roots that met another than they met before, and where.
    """

    def __init__(self, before: Labels) -> None:
        super().__init__()
        self._parent, self._used = before._parent.copy(), before._used
        self.blocked, self.pairs = dict(before.blocked), before.pairs
        self.astray: dict[int, str] = {}

    def tie(self, one: Array, two: Array, why: str = "") -> None:
        """Note the labels that meet others than before."""
        for pair in map(tuple, _pairs(one, two).tolist()):
            if pair not in self.pairs and pair[::-1] not in self.pairs:
                for label in self.sets(np.array(pair)):
                    self.astray.setdefault(label, why or "two meet that did not")

    def expect(self, found: Array, wanted: Array, why: str) -> None:
        """Note the labels that came where others were before."""
        if found.shape != wanted.shape:
            wrong = np.concatenate([found.ravel(), wanted.ravel()])
        else:
            apart = found != wanted
            wrong = np.concatenate([found[apart], wanted[apart]])
        for label in self.sets(wrong):
            self.astray.setdefault(label, why)


def _pairs(one: Array, two: Array) -> Array:
    """Return the different pairs of labels at equal positions, (n, 2)."""
    one, two = np.broadcast_arrays(one, two)
    apart = (one != two) & (one != FREE) & (two != FREE)
    pairs = np.stack([one[apart], two[apart]], axis=1)
    return np.unique(pairs, axis=0) if len(pairs) > 1 else pairs


def compact(labels: Array) -> Array:
    """Return the labels with size 1 along every axis where they do not change.

    Examples
    --------
    >>> compact(np.array([[1, 1, 1], [2, 2, 2]])).shape
    (2, 1)
    """
    for axis in range(labels.ndim):
        if labels.shape[axis] > 1:
            first = labels.take([0], axis)
            if labels.strides[axis] == 0 or (labels == first).all():
                labels = first
    return labels


def varying(labels: Array) -> list[int]:
    """Return the axes of compact labels along which they change."""
    return [axis for axis, size in enumerate(labels.shape) if size > 1]


def distinct(labels: Labels, array: Array, axis: int) -> int:
    """Return how many sets are left once each position of an axis is one set."""
    slabs = np.moveaxis(labels.roots(array), axis, 0)
    slabs = slabs.reshape(slabs.shape[0], -1)
    found = Labels()
    own = found.fresh(slabs.shape[0])
    known = {label: number for number, label in enumerate(np.unique(slabs).tolist())}
    others = found.fresh(len(known))
    for here, slab in zip(own, slabs, strict=True):
        there = np.array([others[known[label]] for label in np.unique(slab).tolist()])
        found.tie(np.full(there.shape, here), there)
    return np.unique(found.roots(own)).size


def together(arrays: Iterable[Array]) -> list[Array]:
    """Return arrays with as many axes each, by new ones in front."""
    found = list(arrays)
    most = max((array.ndim for array in found), default=0)
    return [one.reshape((1,) * (most - one.ndim) + one.shape) for one in found]
