"""From labels to coupling groups.

Belongs here: which sets of labels are units, which units are one group, and why a
group stays. Does not belong here: where labels come from (``watch``), and whether the
network's code runs without a unit (``trials``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from workbench.pruning.coupling.book import Book
from workbench.pruning.coupling.labels import FREE, Array, compact, varying
from workbench.pruning.coupling.values import CouplingGroup, Follower, Member, Side

Widths = Mapping[str, tuple[int, int]]
"""Output and input channels by layer, in execution order."""
_Following = tuple[str, int, Array, bool]


def groups_of(book: Book, widths: Widths) -> tuple[CouplingGroup, ...]:
    """Return the groups of a walk's labels, in the order of the layers.

    Parameters
    ----------
    book : Book
        Settled.
    widths : Widths
        Layers that have a row for each output channel.
    """
    labels = book.labels
    _block_mixed_uses(book)
    sides: dict[tuple[str, Side], Array] = {}
    for layer, (_, inputs) in widths.items():
        weight = f"{layer}.weight"
        if (weight, 0) in book.made:
            sides[layer, "out"] = labels.roots(book.made[weight, 0])
        if (weight, 1) in book.read:
            read = labels.roots(book.read[weight, 1])
            sides[layer, "in"] = np.tile(read, max(1, inputs // read.size))
    followers = _followers(book, {f"{layer}.weight" for layer in widths})
    whole = _whole_tensors(book)
    for root in whole:
        if len(root) == 1:
            said = labels.said.get(next(iter(root)))
            why = "all of them can only go together" + (f" ({said})" if said else "")
            labels.blocked.setdefault(next(iter(root)), why)
    found = _Found(book, sides, followers, whole)
    return tuple(found.group(names) for names in _components(sides, widths))


def _block_mixed_uses(book: Book) -> None:
    """Block what a weight makes or reads that is also used element by element."""
    for places in (book.made, book.read):
        for (name, _), array in places.items():
            if name in book.elements:
                book.labels.block(array, f"{name!r} is used in another way as well")


def _whole_tensors(book: Book) -> set[frozenset[int]]:
    """Return the sets of labels of which one must stay: those of a whole tensor."""
    found = set()
    for array in [*book.tensors.values(), *book.made.values()]:
        roots = np.unique(book.labels.roots(array))
        if roots.size and roots[0] != FREE:
            found.add(frozenset(roots.tolist()))
    return found


def _followers(book: Book, own: set[str]) -> list[_Following]:
    """Return (parameter, axis, labels, whether it reads) beyond the layers' weights."""
    found = []
    for name, array in book.elements.items():
        small = compact(book.labels.roots(array))
        axes = varying(small)
        axis = axes[0] if axes else int(np.argmax(array.shape)) if array.ndim else 0
        if array.ndim:
            line = np.moveaxis(np.broadcast_to(small, array.shape), axis, 0)
            found.append((name, axis, line.reshape(line.shape[0], -1)[:, 0], False))
    for places, reads in ((book.made, False), (book.read, True)):
        for (name, axis), array in places.items():
            if name not in own:
                found.append((name, axis, book.labels.roots(array), reads))
    return found


def _components(
    sides: Mapping[tuple[str, Side], Array], widths: Widths
) -> list[list[str]]:
    """Return lists of layers that share output channels, in order."""
    home: dict[int, str] = {}
    lists: dict[str, list[str]] = {}
    for layer in widths:
        if (layer, "out") not in sides:
            continue
        roots = np.unique(sides[layer, "out"]).tolist()
        met = dict.fromkeys(home[root] for root in roots if root in home)
        names = [name for one in met for name in lists.pop(one)] + [layer]
        first = min(names, key=list(widths).index)
        lists[first] = sorted(names, key=list(widths).index)
        for root, at in list(home.items()):
            if at in met:
                home[root] = first
        home.update(dict.fromkeys(roots, first))
    return sorted(lists.values(), key=lambda names: list(widths).index(names[0]))


class _Found:
    """Everything that has labels, and where each label is."""

    def __init__(
        self,
        book: Book,
        sides: Mapping[tuple[str, Side], Array],
        followers: Sequence[_Following],
        whole: set[frozenset[int]],
    ) -> None:
        self._book, self._sides, self._followers = book, sides, followers
        self._sets = sorted(whole, key=lambda one: (len(one), sorted(one)))
        arrays = [*sides.values(), *(array for _, _, array, _ in followers)]
        self._homes = _homes(np.unique(array).tolist() for array in arrays)
        self._in_sets = _homes(self._sets)

    def group(self, layers: Sequence[str]) -> CouplingGroup:
        """Return the group of some layers' outputs; what must stay is outside."""
        blocked, sides = self._book.labels.blocked, list(self._sides.items())
        rows = {layer: self._sides[layer, "out"] for layer in layers}
        root = max(layers, key=lambda name: np.unique(rows[name]).size)
        every = np.concatenate([rows[root], *rows.values()]).tolist()
        order = [one for one in dict.fromkeys(every) if one != FREE]
        free = [one for one in order if one not in blocked]
        number = {one: index for index, one in enumerate(free or order)}
        members, lost = [], []
        for index in _places(self._homes, number):
            if index < len(sides):
                (layer, side), array = sides[index]
                of_groups = f"{layer}.weight" in self._book.whole
                units = _numbered(array, number)
                members.append(Member(layer, side, units, of_groups))
            else:
                name, axis, array, reads = self._followers[index - len(sides)]
                lost.append(Follower(name, axis, _numbered(array, number), reads))
        members.sort(key=lambda member: member.side == "in")
        reason = None if free else blocked[order[0]]
        if reason and len(order) == 1 < rows[root].size:
            every_one = f"all {rows[root].size} of them"
            reason = reason.replace("all of them", every_one, 1)
        least = [
            np.array(sorted(number[one] for one in self._sets[index]))
            for index in _places(self._in_sets, number)
            if self._sets[index] <= number.keys()
        ]
        size = len(number)
        return CouplingGroup(
            root, size, tuple(members), tuple(lost), reason, tuple(least)
        )


def _homes(sets: Iterable[Iterable[int]]) -> dict[int, list[int]]:
    """Return, for each label, the numbers of the sets that have it."""
    found: dict[int, list[int]] = {}
    for index, labels in enumerate(sets):
        for label in labels:
            found.setdefault(label, []).append(index)
    return found


def _places(homes: Mapping[int, list[int]], labels: Iterable[int]) -> list[int]:
    """Return the numbers of the sets that have one of some labels, in order."""
    return sorted({index for label in labels for index in homes.get(label, ())})


def _numbered(array: Array, number: Mapping[int, int]) -> np.ndarray:
    """Return the unit of each label, -1 for those of others."""
    known, inverse = np.unique(array, return_inverse=True)
    units = np.array([number.get(one, -1) for one in known.tolist()], np.int64)
    found: np.ndarray = units[inverse].reshape(array.shape)
    return found
