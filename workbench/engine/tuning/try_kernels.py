"""The last word: runners-up timed inside the whole program.

Belongs here: swapping kernels where the layouts stay as they are. A kernel
timed alone has caches and branch predictors to itself; inside a network its
weights come from farther away, and the order of two close candidates may turn.
Does not belong here: the search over layouts (`select`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from workbench.engine.candidates import Form
from workbench.engine.planning.costs import Option
from workbench.engine.planning.plan import Choice, Rejection, label
from workbench.engine.tuning.duel import QUARTILE, TimedProgram, turns_of
from workbench.engine.tuning.tuned import Tuned

CLOSE = 1.5
"""Runners-up this much slower when alone are not tried again."""

GAIN = 0.97
"""A runner-up must be this much faster in place: ties keep the plan."""

MAX_SWAPS = 4
"""Runners-up of a node that are tried, best first."""


def refine(tuned: Tuned, only: Collection[str] | None = None) -> Tuned:
    """Return the network with kernels that are faster inside the program.

    Parameters
    ----------
    tuned : Tuned
        With a plan from `select`.
    only : collection of str, optional
        Nodes whose runners-up are tried; all if not given.

    Returns
    -------
    Tuned
        Equal layouts; some choices replaced.
    """
    plan, slots, costs = tuned.plan, tuned.slots, tuned.costs
    queues = {
        node.id: _runners_up(
            plan.choices[node.id],
            costs.options(node),
            plan.forms[slots.parts[node.id].slot],
        )
        for node in tuned.graph
        if node.id in plan.choices and (only is None or node.id in only)
    }
    for turn in range(MAX_SWAPS):
        swaps = {
            name: _swap(tuned.plan.choices[name], *queue[turn])
            for name, queue in queues.items()
            if turn < len(queue)
        }
        if not swaps or costs.over:
            break
        tuned = _better(tuned, swaps)
    return tuned


def _runners_up(
    choice: Choice, options: Sequence[Option], target: Form
) -> list[tuple[Option, float]]:
    """Return other kernels for the same layouts that came close, with their ms."""
    close = [
        (option, option.cost(target))
        for option in options
        if option.measured
        and option.form == choice.form
        and option.cost(target) <= CLOSE * choice.ms
        and (option.candidate.name, option.variant)
        != (choice.candidate, choice.variant)
    ]
    return sorted(close, key=lambda pair: pair[1])


def _swap(choice: Choice, option: Option, ms: float) -> Choice:
    name, variant = option.candidate.name, option.variant
    mine = label(choice.candidate, choice.variant, choice.form)
    theirs = label(name, variant, choice.form)
    beaten = Rejection(mine, "slower inside the whole program", choice.ms)
    others = tuple(r for r in choice.rejected if r.candidate != theirs)
    return replace(
        choice, candidate=name, variant=variant, ms=ms, rejected=(beaten, *others)
    )


def _better(tuned: Tuned, swaps: Mapping[str, Choice]) -> Tuned:
    """Return the network with those swaps that win in place."""
    plan = tuned.plan
    other = replace(plan, choices={**plan.choices, **swaps})
    ours, theirs = _times([tuned.program(), tuned.program(other)])
    won = {
        name: choice
        for name, choice in swaps.items()
        if theirs[name] < GAIN * ours[name]
    }
    return tuned.with_plan(replace(plan, choices={**plan.choices, **won}))


def _times(pair: Sequence[TimedProgram]) -> list[dict[str, float]]:
    """Return the lower quartile of each node's times, programs run in turns."""
    seen = zip(*turns_of(pair), strict=True)
    return [
        {
            task.node.id: float(ms)
            for task, ms in zip(
                lowered.tasks,
                np.quantile(np.concatenate(mine), QUARTILE, axis=0),
                strict=True,
            )
            if task.kind == "node"
        }
        for (lowered, _), mine in zip(pair, seen, strict=True)
    ]
