"""Whether a network's code does with fewer channels what it does with all.

Belongs here: cutting some units out, running the code, and looking whether every layer
reads what it read before. Does not belong here: the cut itself (``cut``).

Code with a number of channels written into it (``groups=64``, ``view(-1, 2048)``,
``x[:, :64]``) runs masked but not cut: better said before anything is pruned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch

from workbench.models.network import Network
from workbench.pruning.channels import leaving_some
from workbench.pruning.coupling.book import Book
from workbench.pruning.coupling.labels import Again, Array
from workbench.pruning.coupling.running import ERRORS, Images, over_the_same_numbers
from workbench.pruning.coupling.values import CouplingGroup
from workbench.pruning.coupling.watch import watched
from workbench.pruning.cut import cut, kept_by_place

Which = Callable[[int], np.ndarray]


def failing(
    network: Network,
    book: Book,
    groups: Sequence[CouplingGroup],
    images: Images,
    shapes: tuple[torch.Size, ...],
) -> dict[str, str]:
    """Return, by the root of each group that the code cannot lose units of, why.

    Groups that are blocked already are not looked at.

    Parameters
    ----------
    book : Book
        Of the whole network on the same inputs, settled.
    images : Images
    shapes : tuple of torch.Size
        Of the whole network's outputs.
    """
    open_ones = [group for group in groups if group.blocked is None and group.size > 1]
    trial = _Trial(network, book, images, shapes)
    return dict(trial.failing(open_ones)) if open_ones else {}


def _half(size: int) -> np.ndarray:
    draw = np.random.Generator(np.random.PCG64(size))
    half: np.ndarray = draw.permutation(size) < size // 2
    return half


def _one(size: int) -> np.ndarray:
    return np.asarray(np.arange(size) == size // 2)


class _Trial:
    """A network that is cut again and again."""

    def __init__(
        self,
        network: Network,
        book: Book,
        images: Images,
        shapes: tuple[torch.Size, ...],
    ) -> None:
        self._network, self._book = network, book
        self._images, self._shapes = images, shapes

    def failing(self, groups: list[CouplingGroup]) -> Iterator[tuple[str, str]]:
        """Yield the groups that cannot be cut, with what was seen."""
        left = list(groups)
        for which in (_half, _one):
            while left:
                said, roots = self._said(left, which)
                if said is None:
                    break
                suspects = [group for group in left if self._labels(group) & roots]
                guilty = [(suspects[0], said)] if len(suspects) == 1 else []
                guilty = guilty or list(self._alone(suspects, which))
                guilty = guilty or list(self._alone(left, which))
                yield from ((group.root, said) for group, said in guilty)
                left = [group for group in left if group not in dict(guilty)]
                if not guilty:
                    # They fail together only.
                    yield from ((group.root, said) for group in suspects or left)
                    left = [one for one in left if suspects and one not in suspects]

    def _alone(
        self, groups: list[CouplingGroup], which: Which
    ) -> Iterator[tuple[CouplingGroup, str]]:
        """Yield the groups that fail without others, by halves."""
        said = self._said(groups, which)[0] if groups else None
        if said is None:
            return
        if len(groups) == 1:
            yield groups[0], said
            return
        half = len(groups) // 2
        yield from self._alone(groups[:half], which)
        yield from self._alone(groups[half:], which)

    def _labels(self, group: CouplingGroup) -> set[int]:
        """Return the roots of a group's units."""
        found: set[int] = set()
        for member in group.members:
            if member.side == "out":
                array = self._book.made[f"{member.layer}.weight", 0]
                inside = array[member.units >= 0]
                found.update(self._book.labels.sets(inside))
        return found

    def _said(
        self, groups: list[CouplingGroup], which: Which
    ) -> tuple[str | None, set[int]]:
        """Return what goes wrong without some units, and with which labels."""
        cuts = []
        for group in groups:
            gone = leaving_some(group, which(group.size), -np.arange(group.size))
            cuts.append((group, gone))
        book = _expecting(self._book, kept_by_place(cuts))
        try:
            own = over_the_same_numbers(self._network.module)
            module = cut(self._network, cuts, own)
            shapes = watched(self._network, module, book, self._images)
        except ERRORS as error:
            text = (str(error).splitlines() or [type(error).__name__])[0]
            said = f"the network's code does not run with fewer ({text})"
            return said, {book.labels.sets(np.array([one]))[0] for one in book.last}
        assert isinstance(book.labels, Again)
        astray = book.labels.astray
        if astray:
            why = next(iter(astray.values()))
            said = f"its code takes others in their place with fewer ({why})"
            return said, set(astray)
        if shapes != self._shapes:
            now = f"its output becomes {tuple(shapes[0])}"
            return f"the network's code does not run with fewer ({now})", set()
        return None, set()


def _expecting(book: Book, kept: Mapping[tuple[str, int], np.ndarray]) -> Book:
    """Return a book that expects the labels of another where they are after a cut."""
    found = Book(Again(book.labels))
    found.whole = book.whole
    for place, array in book.made.items():
        found.made[place] = _left(array, kept.get(place))
    for place, turns in book.turns.items():
        found.turns[place] = [_left(array, kept.get(place)) for array in turns]
    for name, array in book.elements.items():
        for axis in range(array.ndim):
            if (name, axis) in kept:
                array = array.take(kept[name, axis], axis)
        found.elements[name] = array
    return found


def _left(array: Array, kept: np.ndarray | None) -> Array:
    """Return what is left of a place's labels."""
    # A layer in groups has its columns once, and its channels all.
    return array if kept is None else array[kept[kept < array.size]]
