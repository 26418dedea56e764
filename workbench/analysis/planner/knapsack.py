"""The exact multiple-choice knapsack, as a mixed-integer program.

Belongs here: the matrices and the solver. Does not belong here: what costs and savings
mean (``planner``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

# Breaks ties towards the cheaper choice, far below what a cell can resolve.
_TIE = 1e-7


@dataclass(frozen=True)
class Item:
    """One thing that can be chosen.

    Parameters
    ----------
    uses : tuple of str
        What it takes; no two chosen items take the same.
    cost : float
        At least 0.
    saving : float
        Above 0.
    """

    uses: tuple[str, ...]
    cost: float
    saving: float


def solve(
    items: Sequence[Item],
    *,
    least_saving: float | None = None,
    most_cost: float | None = None,
) -> tuple[int, ...] | None:
    """Return the indices of the best choice, or None when nothing meets the limit.

    Parameters
    ----------
    items : sequence of Item
        What can be chosen, each once.
    least_saving : float, optional
        Minimise cost among choices that save at least this much.
    most_cost : float, optional
        Maximise saving among choices that cost at most this much.

    Examples
    --------
    Two ways for layer a, one for b; save 5 at least: 3 + 2 costs 2, 5 costs 4.

    >>> a1, a2 = Item(("a",), 1.0, 3.0), Item(("a",), 4.0, 5.0)
    >>> solve([a1, a2, Item(("b",), 1.0, 2.0)], least_saving=5.0)
    (0, 2)
    """
    if least_saving is not None and least_saving <= 0:
        return ()
    bound = math.inf if most_cost is None else most_cost
    # What costs too much alone would only spoil the scale of the others.
    kept = [at for at, item in enumerate(items) if item.cost <= bound]
    items = [items[at] for at in kept]
    if not items:
        return None if least_saving is not None else ()
    cost = np.array([item.cost for item in items])
    saving = np.array([item.saving for item in items])
    limits = [_one_each(items)]
    # In units of their own largest value, so that the solver's tolerances fit.
    by_cost, by_saving = _scaled(cost), _scaled(saving)
    if least_saving is not None:
        least = least_saving / max(float(saving.max()), 1e-300)
        limits.append(LinearConstraint(by_saving[None, :], lb=least, ub=np.inf))
        objective = by_cost - _TIE * by_saving
    else:
        scale = max(float(cost.max()), 1e-300)
        limits.append(LinearConstraint(by_cost[None, :], ub=bound / scale))
        objective = _TIE * by_cost - by_saving
    found = milp(
        objective,
        constraints=limits,
        integrality=np.ones(len(items)),
        bounds=Bounds(0, 1),
        # Presolve gains nothing here, and lets HiGHS print lines of its own.
        options={"mip_rel_gap": 0.0, "presolve": False},
    )
    if found.x is None:
        return None
    return tuple(kept[at] for at in np.flatnonzero(found.x > 0.5))


def _one_each(items: Sequence[Item]) -> LinearConstraint:
    """Return that each thing is taken by one chosen item at most."""
    names = {name: at for at, name in enumerate({n: 0 for i in items for n in i.uses})}
    cells = [(names[name], at) for at, i in enumerate(items) for name in set(i.uses)]
    rows, columns = np.array(cells).T
    matrix = csr_array(
        (np.ones(len(cells)), (rows, columns)), shape=(len(names), len(items))
    )
    return LinearConstraint(matrix, ub=1)


def _scaled(values: np.ndarray) -> np.ndarray:
    return values / max(float(np.abs(values).max()), 1e-300)
