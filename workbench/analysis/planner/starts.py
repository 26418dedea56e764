"""Cells a plan may start from: all of them, and the plain plans a user would try first.

A plan over all cells trusts that degradations and savings add up, most of all where it
mixes methods and goes to extremes. Narrower choices of the same cells err less, so each
is planned as exactly and proved in turn, and the best proved plan is kept.

Belongs here: which cells go together. Does not belong here: choosing from them
(``planner``), proving the choices (``workflows.plan.verify``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from workbench.analysis.planner.planner import Budget, make_plan
from workbench.analysis.sensitivity.rows import Sweep
from workbench.errors import WorkbenchError


def starts(sweep: Sweep, budget: Budget) -> tuple[Sweep, ...]:
    """Return the choices of cells that reach a limit, all cells first.

    After all cells follow, for each method, its cells alone and its even cells: those
    of the two neighbouring sparsities that are the lowest to reach the limit. A budget
    without a limit has only the first.

    Parameters
    ----------
    sweep : Sweep
        From ``sensitivity``.
    budget : Budget
        What plans keep to.
    """
    found = [sweep]
    if budget.limit is None:
        return (sweep,)
    for method in sweep.methods:
        alone = replace(
            sweep, rows=tuple(row for row in sweep.rows if row.method == method)
        )
        for one in (alone, *_even(alone, budget)):
            known = any(one.rows == other.rows for other in found)
            if not known and _reaches(one, budget):
                found.append(one)
    return tuple(found)


def _even(alone: Sweep, budget: Budget) -> Iterator[Sweep]:
    """Yield the lowest two sparsities of one method that reach the limit."""
    levels = sorted({row.sparsity for row in alone.rows})
    for pair in pairwise(levels):
        rows = tuple(row for row in alone.rows if row.sparsity in pair)
        narrow = replace(alone, rows=rows)
        if _reaches(narrow, budget):
            yield narrow
            return


def _reaches(cells: Sweep, budget: Budget) -> bool:
    try:
        make_plan(cells, budget)
    except WorkbenchError:
        return False
    return True
