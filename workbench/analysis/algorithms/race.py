"""A few functions timed in turns, for tables that compare algorithms.

Belongs here: the loop and what it found. Does not belong here: comparisons of whole
networks against other engines (``workbench.measure``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

LEAST, MOST = 5, 200
"""Timed rounds."""

MS = 1e3


@dataclass(frozen=True)
class Times:
    """Milliseconds of one function.

    Parameters
    ----------
    ms, p10_ms, p90_ms : float
        Median and the tenth and ninetieth percentile.
    n : int
        Timed calls.
    """

    ms: float
    p10_ms: float
    p90_ms: float
    n: int


def race(
    runs: Mapping[str, Callable[[], object]], *, seconds: float
) -> dict[str, Times]:
    """Return the times of functions that take turns, so that disturbances are shared.

    Parameters
    ----------
    runs : mapping of str to callable
        Each is called once untimed.
    seconds : float
        For all of them together; at least five rounds are made.
    """
    samples: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    start, rounds = time.perf_counter(), 0
    while rounds < LEAST or (rounds < MOST and time.perf_counter() - start < seconds):
        for name, run in runs.items():
            before = time.perf_counter()
            run()
            samples[name].append((time.perf_counter() - before) * MS)
        rounds += 1
    return {name: _times(found) for name, found in samples.items()}


def _times(samples: list[float]) -> Times:
    p10, median, p90 = np.percentile(samples, (10, 50, 90)).tolist()
    return Times(median, p10, p90, len(samples))
