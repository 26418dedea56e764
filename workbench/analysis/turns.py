"""Functions that take turns on the clock, so that disturbances are shared.

Belongs here: the loop. Does not belong here: engines with their outputs compared
(``measure.interleave``), programs step by step (``engine.tuning.duel``).
"""

from collections.abc import Callable, Mapping
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

LEAST, MOST = 5, 200
"""Timed rounds."""


def in_turns(
    runs: Mapping[str, Callable[[], object]],
    *,
    seconds: float,
    least: int = LEAST,
    most: int = MOST,
) -> dict[str, NDArray[np.float64]]:
    """Return the times of each function in ms, one a round.

    Parameters
    ----------
    runs : mapping of str to callable
        Each is called once untimed.
    seconds : float
        For all rounds together.
    least, most : int
        Rounds, whatever they take.
    """
    samples: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    stop, rounds = perf_counter() + seconds, 0
    while rounds < least or (rounds < most and perf_counter() < stop):
        for name, run in runs.items():
            before = perf_counter()
            run()
            samples[name].append(1e3 * (perf_counter() - before))
        rounds += 1
    return {name: np.array(taken) for name, taken in samples.items()}
