"""Whatever takes turns on the clock, so that disturbances are shared.

Belongs here: the loop, for programs and functions. Does not belong here: engines that
must first show equal outputs (``measure.interleave``), and what times are good for.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping
from time import perf_counter
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

LEAST, MOST = 5, 200
"""Timed rounds of functions."""

MS_PER_S = 1e3

Name = TypeVar("Name", bound=Hashable)
Times = TypeVar("Times")


def in_turns(
    runs: Mapping[Name, Callable[[], Times]], goes_on: Callable[[int], bool]
) -> Iterator[dict[Name, Times]]:
    """Yield what each run returns, round by round.

    Parameters
    ----------
    runs : mapping of name to callable
        Each returns its times. Who is taken out between two rounds runs no more.
    goes_on : callable
        Asked before each round, with the number of rounds so far.

    Examples
    --------
    >>> runs = {"a": lambda: 1.0, "b": lambda: 2.0}
    >>> for seen in in_turns(runs, lambda rounds: rounds < 2):
    ...     print(seen)
    ...     _ = runs.pop("b", None)
    {'a': 1.0, 'b': 2.0}
    {'a': 1.0}
    """
    rounds = 0
    while goes_on(rounds):
        yield {name: run() for name, run in runs.items()}
        rounds += 1


def time_functions(
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
    for run in runs.values():
        run()
    stop = perf_counter() + seconds

    def goes_on(rounds: int) -> bool:
        return rounds < least or (rounds < most and perf_counter() < stop)

    clocked = {name: _clocked(run) for name, run in runs.items()}
    rounds = list(in_turns(clocked, goes_on))
    return {name: np.array([seen[name] for seen in rounds]) for name in runs}


def _clocked(run: Callable[[], object]) -> Callable[[], float]:
    def ms() -> float:
        start = perf_counter()
        run()
        return MS_PER_S * (perf_counter() - start)

    return ms
