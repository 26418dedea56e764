"""Exact minimum of a sum of small cost tables, by variable elimination.

Belongs here: the combinatorial core of the planner, knowing nothing of graphs
or kernels. Source: min-sum variable elimination (Dechter, Bucket elimination,
1999, section 4), min-degree order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
    rest = list(factors)
    pending = set(sizes)
    decided: dict[str, int] = {}
    traces: list[tuple[str, tuple[str, ...], NDArray[np.intp]]] = []
    while pending:
        name = min(pending, key=lambda n: (len(_neighbours(rest, n)), n))
        pending.remove(name)
        mine = [f for f in rest if name in f.names]
        rest = [f for f in rest if name not in f.names]
        neighbours = _neighbours(mine, name)
        if len(neighbours) > MAX_NEIGHBOURS:
            decided[name] = _alone(mine, name, sizes[name])
            rest += [_fix(f, name, decided[name]) for f in mine]
            continue
        axes = (*neighbours, name)
        total: NDArray[np.float64] = np.zeros([sizes[n] for n in axes])
        for factor in mine:
            total = total + _spread(factor, axes)
        traces.append((name, neighbours, total.argmin(axis=-1)))
        rest.append(Factor(neighbours, np.asarray(np.min(total, axis=-1))))
    for name, neighbours, best in reversed(traces):
        decided[name] = int(best[tuple(decided[n] for n in neighbours)])
    return decided


def _neighbours(factors: Sequence[Factor], name: str) -> tuple[str, ...]:
    found = {n for f in factors if name in f.names for n in f.names}
    return tuple(sorted(found - {name}))


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
