"""What a walk over a network writes down about its channels.

Belongs here: the places where labels live (rows and columns of weights, elements of
other parameters), every tensor's labels, and ties that are decided when all is seen.
Does not belong here: what operations do (``rules``), and groups (``units``).
"""

from __future__ import annotations

import numpy as np

from workbench.pruning.coupling.labels import (
    FREE,
    Again,
    Array,
    Labels,
    compact,
    distinct,
    varying,
)

Place = tuple[str, int]
"""A parameter's name and an axis of it."""


class Book:
    """Labels by place, and constraints by tensor.

    Attributes
    ----------
    labels : Labels
    made : dict of Place to Array
        Labels of what a weight's axis makes.
    read : dict of Place to Array
        Labels of what a weight's axis reads.
    turns : dict of Place to list of Array
        The same, of each call of the layer.
    elements : dict of str to Array
        Labels of each element of parameters that meet values element by element.
    tensors : dict of bytes to Array
        The labels of every tensor seen, each once.
    groups : dict of str to list of (Array, Array)
        Weights of grouped convolutions: what each call reads and makes, (groups, n).
    whole : set of str
        Those of ``groups`` that lose whole groups.
    last : list of int
        Roots of the labels that the last operation read.
    """

    def __init__(self, labels: Labels | None = None) -> None:
        self.labels = labels or Labels()
        self.made: dict[Place, Array] = {}
        self.read: dict[Place, Array] = {}
        self.turns: dict[Place, list[Array]] = {}
        self.elements: dict[str, Array] = {}
        self.tensors: dict[bytes, Array] = {}
        self.groups: dict[str, list[tuple[Array, Array]]] = {}
        self.whole: set[str] = set()
        self.last: list[int] = []

    def rows(self, place: Place, count: int) -> Array:
        """Return the labels of what an axis of a weight makes, the same each time."""
        if place not in self.made:
            self.made[place] = self.labels.fresh(count)
        return self.made[place]

    def columns(self, place: Place, labels: Array) -> None:
        """Write down what an axis of a weight reads."""
        why = f"{place[0].rpartition('.')[0]!r} reads them"
        if isinstance(self.labels, Again):
            turns = self.turns.get(place, [])
            self.labels.expect(labels, turns.pop(0) if turns else labels, why)
            return
        self.turns.setdefault(place, []).append(labels)
        before = self.read.setdefault(place, labels)
        self.labels.tie(before, labels, why)
        half = (before == FREE) != (labels == FREE)
        said = f"{why} where it reads what always stays as well"
        self.labels.block(np.where(half, before + labels, FREE), said)

    def columns_at(self, place: Place, size: int, index: Array, labels: Array) -> None:
        """Write down what some columns of a weight read."""
        fresh = np.zeros(size, np.int64)
        fresh[index] = labels
        if isinstance(self.labels, Again):
            turns = self.turns.get(place, [])
            why = f"{place[0]!r} reads them"
            self.labels.expect(fresh, turns.pop(0) if turns else fresh, why)
            return
        self.turns.setdefault(place, []).append(fresh)
        known = self.read.setdefault(place, fresh)
        self.labels.tie(known, fresh)
        self.read[place] = np.where(known != FREE, known, fresh)

    def element(self, name: str, shape: tuple[int, ...]) -> Array:
        """Return the labels of a parameter's elements, the same each time."""
        if name not in self.elements:
            size = int(np.prod(shape, dtype=np.int64))
            self.elements[name] = self.labels.fresh(size).reshape(shape)
        return self.elements[name]

    def see(self, labels: Array) -> None:
        """Remember a tensor: some of its labels must stay, and it stays a box."""
        small = compact(labels)
        if small.any():
            key = repr(small.shape).encode() + small.tobytes()
            self.tensors.setdefault(key, small)

    def parts(self, labels: Array, axis: int, count: int) -> None:
        """Tie the equal parts of an axis: code that halves it keeps both equal."""
        small = compact(labels)
        if isinstance(self.labels, Again):
            return
        if small.shape[axis] > 1 and small.shape[axis] % count == 0:
            pieces = np.split(small, count, axis)
            for piece in pieces[1:]:
                self.labels.tie(pieces[0], piece, "equal parts are taken of them")

    def settle(self) -> None:
        """Make every tie that depends on all that was seen."""
        self._keep_boxes()
        for name in self.groups:
            self._keep_groups(name)
        self._keep_boxes()

    def _keep_boxes(self) -> None:
        """Tie what would leave a tensor that is no box.

        Labels that change along two axes of a tensor cannot go one by one. They stay
        apart along the axis that leaves most of them.
        """
        for array in [*self.tensors.values(), *self.elements.values()]:
            small = compact(self.labels.roots(array))
            axes = varying(small)
            if len(axes) < 2:
                continue
            counts = {axis: distinct(self.labels, small, axis) for axis in axes}
            kept = max(axes, key=lambda axis: (counts[axis], axis))
            flat = np.moveaxis(small, kept, 0).reshape(small.shape[kept], -1)
            why = "they are laid out along two axes"
            self.labels.tie(flat.max(axis=1, keepdims=True), flat, why)

    def _keep_groups(self, name: str) -> None:
        """Tie the channels of a grouped convolution in one of two ways.

        Groups that read one unit each, or that make or read one channel each, go
        whole. Others stay as many as they are, equally wide.
        """
        layer = name.rpartition(".")[0]
        for reads, makes in self.groups[name]:
            found = self.labels.roots(reads)
            alike = bool((found == found[:, :1]).all() and (found != found[:1]).any())
            if alike or 1 in (reads.shape[1], makes.shape[1]):
                self.whole.add(name)
        why = f"the groups of {layer!r} stay equally wide"
        for reads, makes in self.groups[name]:
            if name in self.whole:
                why = f"a group of {layer!r} reads them"
                self.labels.tie(reads[:, :1], reads, why)
                self.labels.tie(reads[:, :1], makes[:, :1], why)
                self.labels.tie(makes[:, :1], makes, why)
                stays = (reads == FREE).any(axis=1, keepdims=True)
                said = f"{layer!r} has a group for what stays"
                self.labels.block(np.where(stays, makes, FREE), said)
                continue
            best = reads.max(axis=0, keepdims=True)
            self.labels.tie(best, reads, why)
            half = (reads == FREE) & (best != FREE)
            said = f"the grouped layer {layer!r} reads what stays as well"
            self.labels.block(np.where(half.any(axis=0), best, FREE), said)
            self.columns((name, 1), best[0])
            self.labels.tie(makes[:1], makes, why)
