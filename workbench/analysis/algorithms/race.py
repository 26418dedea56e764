"""A few functions timed in turns, for tables that compare algorithms.

Belongs here: what was found. Does not belong here: the loop (``engine.tuning.turns``),
comparisons of whole networks against other engines (``workbench.measure``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.engine.tuning.turns import time_functions


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
    found = time_functions(runs, seconds=seconds)
    return {name: _times(samples) for name, samples in found.items()}


def _times(samples: NDArray[np.float64]) -> Times:
    p10, median, p90 = np.percentile(samples, (10, 50, 90)).tolist()
    return Times(median, p10, p90, len(samples))
