"""Learning-rate schedules: progress in 0..1 to a factor on the peak rate.

Belongs here: pure functions and the one table of their names. Does not belong here:
schedules of sparsity (they belong to the methods that use them).
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from workbench.errors import WorkbenchError

Schedule = Callable[[float], float]

_WARM_UP = 0.2
_FLOOR = 0.01
_STEPS = (0.5, 0.75)
_HALF, _SECOND_HEIGHT = 0.5, 0.5


def one_cycle(progress: float) -> float:
    """Return a linear rise over the first fifth, then half a cosine down to zero.

    Parameters
    ----------
    progress : float
        Steps done / all steps, 0..1.

    Source
    ------
    Smith and Topin, "Super-Convergence", 2018 (momentum is not cycled here).

    Examples
    --------
    >>> [round(one_cycle(p), 3) for p in (0.0, 0.2, 0.6, 1.0)]
    [0.01, 1.0, 0.5, 0.0]
    """
    if progress < _WARM_UP:
        return max(_FLOOR, progress / _WARM_UP)
    return cosine((progress - _WARM_UP) / (1 - _WARM_UP))


def two_cycles(progress: float) -> float:
    """Return a one-cycle over the first half and one of half the height after it.

    Source
    ------
    Loshchilov and Hutter, "SGDR", 2017: warm restarts.

    Examples
    --------
    >>> [round(two_cycles(p), 3) for p in (0.1, 0.3, 0.5, 0.6, 0.8, 1.0)]
    [1.0, 0.5, 0.005, 0.5, 0.25, 0.0]
    """
    if progress < _HALF:
        return one_cycle(progress / _HALF)
    return _SECOND_HEIGHT * one_cycle((progress - _HALF) / _HALF)


def cosine(progress: float) -> float:
    """Return half a cosine from 1 down to 0.

    Source
    ------
    Loshchilov and Hutter, "SGDR", 2017, equation 5, without restarts.
    """
    return 0.5 * (1 + math.cos(math.pi * min(max(progress, 0.0), 1.0)))


def constant(progress: float) -> float:
    """Return 1 throughout."""
    return 1.0


def step(progress: float) -> float:
    """Return 1, then 0.1 from half of the way, then 0.01 from three quarters."""
    return 0.1 ** sum(progress >= edge for edge in _STEPS)


def warmed(progress: float, *, share: float, factor: Schedule) -> float:
    """Return a linear rise over the first ``share``, then the schedule.

    Parameters
    ----------
    progress : float
        Steps done / all steps, 0..1.
    share : float
        0 <= share < 1; 0 gives the schedule itself.
    factor : callable
        The schedule, stretched over what is left.

    Examples
    --------
    >>> [round(warmed(p, share=0.2, factor=cosine), 3) for p in (0.0, 0.1, 0.2, 0.6)]
    [0.01, 0.5, 1.0, 0.5]
    """
    if progress < share:
        return max(_FLOOR, progress / share) * factor(0.0)
    return factor((progress - share) / (1 - share))


SCHEDULES: Mapping[str, Schedule] = MappingProxyType(
    {
        "one-cycle": one_cycle,
        "two-cycles": two_cycles,
        "cosine": cosine,
        "constant": constant,
        "step": step,
    }
)


def schedule(name: str) -> Schedule:
    """Return the schedule of that name.

    Raises
    ------
    WorkbenchError
        If no schedule has that name.
    """
    if name not in SCHEDULES:
        raise WorkbenchError(
            f"schedule '{name}'", "one of " + ", ".join(SCHEDULES), "Choose one."
        )
    return SCHEDULES[name]
