"""The values: time of a layer against sparsity, where it falls below the dense time.

Belongs here: values and the crossing. Does not belong here: measuring (``measure``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class BreakEvenCurve:
    """Time of one layer against sparsity under one method.

    Parameters
    ----------
    layer : str
        Layer id.
    method, granularity : str
        As in a recipe.
    threads : int
        Of the programs.
    dense_ms : float
        Time of the dense layer, in turns with the pruned ones.
    dense_kernel : str
        The kernel chosen for it.
    sparsities : tuple of float
        Levels asked for.
    reached : tuple of float or None
        Zeros over weights at each level, 0..1; None where the method cannot go.
    ms, p10_ms, p90_ms : tuple of float or None
        Time of the layer: median, and where eight of ten rounds lie.
    kernels : tuple of str
        The kernel that was chosen.
    faster : tuple of bool
        Whether the level is faster than dense beyond the noise of the rounds.
    crossing : float or None
        Sparsity where the time falls below the dense one for good, between two levels
        by straight lines; None when it never does.
    n : int
        Rounds behind each time; 0 for times of the cost model.
    line : str
        Conditions of the measurement; "" for the cost model.
    """

    layer: str
    method: str
    granularity: str
    threads: int
    dense_ms: float
    dense_kernel: str
    sparsities: tuple[float, ...]
    reached: tuple[float | None, ...]
    ms: tuple[float | None, ...]
    p10_ms: tuple[float | None, ...]
    p90_ms: tuple[float | None, ...]
    kernels: tuple[str, ...]
    faster: tuple[bool, ...]
    crossing: float | None
    n: int
    line: str

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields."""
        return asdict(self)


@dataclass(frozen=True)
class BreakEven:
    """All curves of a layer.

    Parameters
    ----------
    layer : str
        Layer id.
    dense_ms : float
        Time of the best kernel on the dense weights: the median over the curves.
    dense_kernel : str
        Its name.
    sparsities : tuple of float
        Levels asked for.
    curves : tuple of BreakEvenCurve
        One a method.
    refused : tuple of (str, str)
        Methods that cannot prune the layer at all, and why.
    threads : int
        Of the programs.
    """

    layer: str
    dense_ms: float
    dense_kernel: str
    sparsities: tuple[float, ...]
    curves: tuple[BreakEvenCurve, ...]
    refused: tuple[tuple[str, str], ...]
    threads: int

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields."""
        return asdict(self)


def crossing(
    points: Sequence[tuple[float, float, bool]], dense_ms: float
) -> float | None:
    """Return the sparsity from which times stay below the dense one, or None.

    Parameters
    ----------
    points : sequence of (sparsity, ms, faster)
        By rising sparsity; ``faster``: than dense, beyond the noise.
    dense_ms : float
        Time of the dense layer.

    Examples
    --------
    Dense 1.0; 1.2 at 0.5 and 0.8 at 0.9 cross half way.

    >>> round(crossing([(0.5, 1.2, False), (0.9, 0.8, True)], 1.0), 6)
    0.7
    """
    first = len(points)
    while first and points[first - 1][2]:
        first -= 1
    if first == len(points):
        return None
    if first == 0:
        return points[0][0]
    (x0, y0, _), (x1, y1, _) = points[first - 1], points[first]
    if y0 <= dense_ms or y1 >= y0:
        return x0
    return min(x0 + (x1 - x0) * (y0 - dense_ms) / (y0 - y1), x1)
