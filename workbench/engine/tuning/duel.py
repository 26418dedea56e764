"""Programs timed in turns: is the first one clearly faster?

Belongs here: programs' turns, and the comparison of whole programs or of some of their
layers in place. Does not belong here: the loop (`turns`), or what is compared, and why
(`try_bands`, `try_threads`, `try_kernels`, `try_layouts`).
"""

from collections.abc import Collection, Generator, Sequence
from contextlib import closing
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.engine.lowering.lower import Lowered
from workbench.engine.tuning.turns import in_turns
from workbench.kernels import Executor

TURNS, ROUNDS = 8, 3

NS_PER_MS = 1e6
LONG_MS, LONG_TURNS = 10.0, 3
"""Programs that take longer have so many turns."""

GIVE_UP = 1.05
"""A program that is this much slower in every round of a turn has lost."""

QUARTILE = 0.25
"""Of the times of a program: the least one is luck, interruptions lie above."""

GAIN = 0.985
"""The first program must be this much faster."""


class TimedProgram(NamedTuple):
    """A program and the threads that run it."""

    lowered: Lowered
    threads: int


def turns_of(
    pair: Sequence[TimedProgram],
) -> Generator[list[NDArray[np.float64]], None, None]:
    """Yield each program's times in ms, shape (rounds, tasks), turn by turn."""
    executors = [
        Executor(p.steps, arena_floats=p.arena.floats, threads=threads)
        for p, threads in pair
    ]
    try:
        first = [executor.time_steps(1).sum() / NS_PER_MS for executor in executors]
        turns = LONG_TURNS if min(first) > LONG_MS else TURNS
        runs = {
            place: partial(_times, p.lowered, executor)
            for place, (p, executor) in enumerate(zip(pair, executors, strict=True))
        }
        for seen in in_turns(runs, lambda done: done < turns):
            yield list(seen.values())
    finally:
        for executor in executors:
            executor.close()


def _times(lowered: Lowered, executor: Executor) -> NDArray[np.float64]:
    """Return the times of tasks in ms; the first round, behind another, is left out."""
    return lowered.by_task(executor.time_steps(ROUNDS)[1:]) / NS_PER_MS


def faster(
    pair: Sequence[TimedProgram],
    gain: float = GAIN,
    nodes: Collection[str] | None = None,
) -> bool:
    """Say whether the first of two programs takes clearly less time, also in turns.

    Parameters
    ----------
    pair : sequence of two TimedProgram
    gain : float
        How much of the second one's time it may take.
    nodes : collection of str, optional
        Layers whose times in place count, with copies of what they write; all if not
        given.
    """
    counted = [
        [nodes is None or task.node.id in nodes for task in p.lowered.tasks]
        for p in pair
    ]
    times = np.empty((2, 0))
    with closing(turns_of(pair)) as turns:
        for seen in turns:
            ours, theirs = (
                ms[:, mine].sum(axis=1) for ms, mine in zip(seen, counted, strict=True)
            )
            if ours.min() > GIVE_UP * theirs.max():
                return False
            times = np.append(times, [ours, theirs], axis=1)
    ours, theirs = times
    quartiles = np.quantile(ours, QUARTILE) / np.quantile(theirs, QUARTILE)
    return bool(max(quartiles, np.median(ours / theirs)) < gain)
