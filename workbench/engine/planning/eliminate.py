"""Exact minimum of a sum of small cost tables, by variable elimination.

Belongs here: the combinatorial core of the planner, knowing nothing of graphs
or kernels. Source: min-sum variable elimination (Dechter, Bucket elimination,
1999, section 4), min-degree order.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

MAX_NEIGHBOURS = 8
"""Larger tables are not built; that variable is fixed by its own minimum."""


@dataclass(frozen=True, eq=False)
class Factor:
    """A cost for every combination of some variables' values.

    Parameters
    ----------
    names : tuple of str
        One name per axis, no duplicates.
    table : numpy.ndarray of float64
    """

    names: tuple[str, ...]
    table: NDArray[np.float64]


def minimise(factors: Sequence[Factor], sizes: Mapping[str, int]) -> dict[str, int]:
    """Return the value of each variable that minimises the sum of all factors.

    Parameters
    ----------
    factors : sequence of Factor
    sizes : mapping of str to int
        Number of values of every variable.

    Returns
    -------
    dict of str to int
        Index of the chosen value. Exact while no elimination would join more
        than `MAX_NEIGHBOURS` variables.

    Examples
    --------
    >>> chain = [
    ...     Factor(("a",), np.array([0.0, 1.0])),
    ...     Factor(("a", "b"), np.array([[5.0, 5.0], [0.0, 9.0]])),
    ... ]
    >>> sorted(minimise(chain, {"a": 2, "b": 2}).items())
    [('a', 1), ('b', 0)]
    """
    left = _Left(factors, sizes)
    decided: dict[str, int] = {}
    traces: list[tuple[str, tuple[str, ...], NDArray[np.intp]]] = []
    for name in left:
        mine = left.take(name)
        neighbours = tuple(sorted({n for f in mine for n in f.names} - {name}))
        if len(neighbours) > MAX_NEIGHBOURS:
            decided[name] = _alone(mine, name, sizes[name])
            for factor in mine:
                left.add(_fix(factor, name, decided[name]))
            continue
        axes = (*neighbours, name)
        total: NDArray[np.float64] = np.zeros([sizes[n] for n in axes])
        for factor in mine:
            total = total + _spread(factor, axes)
        traces.append((name, neighbours, total.argmin(axis=-1)))
        left.add(Factor(neighbours, np.asarray(np.min(total, axis=-1))))
    for name, neighbours, best in reversed(traces):
        decided[name] = int(best[tuple(decided[n] for n in neighbours)])
    return decided


class _Left:
    """Factors and variables that are left, the variable of fewest neighbours first.

    A variable's place in the queue is renewed when one of its factors changes, so a
    whole elimination takes time in proportion to what it looks at.
    """

    def __init__(self, factors: Sequence[Factor], names: Iterable[str]) -> None:
        self._factors: dict[str, dict[int, Factor]] = {name: {} for name in names}
        self._queue: list[tuple[int, str]] = []
        self._degrees: dict[str, int] = {}
        self._count = 0
        for factor in factors:
            self._put(factor)
        for name in self._factors:
            self._renew(name)

    def __iter__(self) -> Iterator[str]:
        while self._queue:
            degree, name = heappop(self._queue)
            if self._degrees.get(name) == degree:
                del self._degrees[name]
                yield name

    def take(self, name: str) -> list[Factor]:
        """Remove and return the factors of a variable, oldest first."""
        mine = self._factors.pop(name)
        touched = {n for factor in mine.values() for n in factor.names} - {name}
        for number, factor in mine.items():
            for other in factor.names:
                if other != name:
                    del self._factors[other][number]
        for other in touched:
            self._renew(other)
        return [mine[number] for number in sorted(mine)]

    def add(self, factor: Factor) -> None:
        """Put a factor back; one without variables changes nothing."""
        self._put(factor)
        for name in factor.names:
            self._renew(name)

    def _put(self, factor: Factor) -> None:
        self._count += 1
        for name in factor.names:
            self._factors[name][self._count] = factor

    def _renew(self, name: str) -> None:
        found = {n for factor in self._factors[name].values() for n in factor.names}
        degree = len(found - {name})
        if self._degrees.get(name) != degree:
            self._degrees[name] = degree
            heappush(self._queue, (degree, name))


def _spread(factor: Factor, axes: Sequence[str]) -> NDArray[np.float64]:
    order = sorted(range(len(factor.names)), key=lambda i: axes.index(factor.names[i]))
    table = factor.table.transpose(order)
    present = {factor.names[i] for i in order}
    sizes = iter(table.shape)
    return table.reshape([next(sizes) if n in present else 1 for n in axes])


def _alone(factors: Sequence[Factor], name: str, size: int) -> int:
    total = np.zeros(size)
    for factor in factors:
        axes = tuple(i for i, n in enumerate(factor.names) if n != name)
        total += factor.table.min(axis=axes)
    return int(total.argmin())


def _fix(factor: Factor, name: str, value: int) -> Factor:
    axis = factor.names.index(name)
    names = tuple(n for n in factor.names if n != name)
    rest: NDArray[np.float64] = np.take(factor.table, [value], axis=axis)
    return Factor(names, rest.squeeze(axis))
