"""Two whole programs timed in turns: is the first one clearly faster?

Belongs here: the comparison. Does not belong here: what is compared, and why
(`banding`, `fewer`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from workbench.engine.lower import Lowered
from workbench.kernels import Executor

TURNS, ROUNDS = 10, 2
NS_PER_MS = 1e6
LONG_MS, LONG_TURNS = 20.0, 6
"""Programs that take longer run fewer times: in so many turns, once each."""

QUARTILE = 0.25
"""Of the times of a program: the least one is luck, interruptions lie above."""

GAIN = 0.985
"""The first program must be this much faster."""


class Contender(NamedTuple):
    """A program and the threads that run it."""

    lowered: Lowered
    threads: int


def faster(pair: Sequence[Contender], gain: float = GAIN) -> bool:
    """Say whether the first of two programs takes clearly less time, also in turns.

    Parameters
    ----------
    pair : sequence of two Contender
    gain : float
        How much of the second one's time it may take.
    """
    executors = [
        Executor(p.steps, arena_floats=p.arena.floats, threads=threads)
        for p, threads in pair
    ]
    try:
        first = [float(executor.time_steps(1).sum()) for executor in executors]
        long = min(first) > LONG_MS * NS_PER_MS
        turns, rounds = (LONG_TURNS, 1) if long else (TURNS, ROUNDS)
        times: list[list[float]] = [[], []]
        for _ in range(turns):
            for seen, executor in zip(times, executors, strict=True):
                seen += executor.time_steps(rounds).sum(axis=1).tolist()
    finally:
        for executor in executors:
            executor.close()
    ours, theirs = (np.array(seen) for seen in times)
    quartiles = np.quantile(ours, QUARTILE) / np.quantile(theirs, QUARTILE)
    return bool(max(quartiles, np.median(ours / theirs)) < gain)
