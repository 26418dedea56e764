"""What a verified plan teaches: how much degradation to ask for, how sums are off.

Belongs here: arithmetic on what was promised and found. Does not belong here: finding
it (``workflows.plan.verify``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from workbench.analysis.planner.degradation import Outlook, rising
from workbench.analysis.planner.planner import Budget, Prediction

LEAST_STEP, LARGEST_STEP = 1.25, 2.5
"""Degradation asked for grows by this at least and at most, until it is too much."""

FEWEST = 1 / 8
"""Share of a degradation that was too much, at least."""

INSIDE = 0.1
"""Guesses between two known degradations keep this share of the gap from both."""


def learnt(seen: Outlook, verified: Sequence[tuple[float, float, float]]) -> Outlook:
    """Return the outlook moved to what whole plans gave.

    Parameters
    ----------
    seen : Outlook
        What single cells say.
    verified : sequence of (float, float, float)
        Degradation, fall of top-1 and rise of the loss of whole plans, at least one.

    Returns
    -------
    Outlook
        Through the plans as far as they reach (rising), then as steep as ``seen``.

    Examples
    --------
    Cells lost 10 points at degradation 1; a plan of degradation 0.5 lost none instead
    of five.

    >>> seen = Outlook("divergence", (0.0, 1.0), (0.0, 0.1))
    >>> learnt(seen, [(0.5, 0.0, 0.0)]).drop_at(1.0)
    0.05
    """
    points = sorted(verified)
    last = points[-1][0]
    beyond = [
        degradation for degradation in seen.degradation if degradation > last
    ] or [2 * max(last, 1e-9)]
    drops = [float(d) for d in rising([max(d, 0.0) for _, d, _ in points])]
    losses = [float(r) for r in rising([max(r, 0.0) for _, _, r in points])]
    drops += [drops[-1] + seen.drop_at(h) - seen.drop_at(last) for h in beyond]
    if seen.loss:
        known = [seen.loss_at(h) or 0.0 for h in (last, *beyond)]
        losses += [losses[-1] + value - known[0] for value in known[1:]]
    degradations = [degradation for degradation, _, _ in points] + beyond
    loss = (0.0, *losses) if seen.loss else ()
    return Outlook(seen.unit, (0.0, *degradations), (0.0, *drops), loss)


def next_degradation(
    seen: Outlook, max_drop: float, verified: Sequence[tuple[float, float]]
) -> float:
    """Return the degradation whose fall of top-1 is likely ``max_drop``.

    Parameters
    ----------
    seen : Outlook
        What is known so far, from ``learnt``.
    max_drop : float
        Fall of top-1 at most.
    verified : sequence of (float, float)
        Degradation and fall of top-1 of whole plans, at least one.

    Examples
    --------
    Degradation 0.1 cost 1 point and degradation 0.3 cost 5; for 2 points, a quarter of
    the way.

    >>> seen = Outlook("divergence", (0.0, 1.0), (0.0, 0.1))
    >>> round(next_degradation(seen, 0.02, [(0.1, 0.01), (0.3, 0.05)]), 6)
    0.15
    """
    above = min((one for one in verified if one[1] > max_drop), default=None)
    kept = [one for one in verified if one[1] <= max_drop]
    below = max((one for one in kept if above is None or one < above), default=None)
    if above is None:
        degradation, _ = max(verified)
        wanted = seen.degradation_within(max_drop)
        return min(LARGEST_STEP * degradation, max(LEAST_STEP * degradation, wanted))
    if below is None:
        degradation, drop = above
        return degradation * max(FEWEST, max_drop / drop)
    share = (max_drop - below[1]) / (above[1] - below[1])
    share = min(1 - INSIDE, max(INSIDE, share))
    return below[0] + share * (above[0] - below[0])


def corrected(budget: Budget, predicted: Prediction, actual: Prediction) -> Budget:
    """Return the limit to ask for so that the real one is kept.

    It is moved by how far the prediction was off, down to half of it at most. What was
    predicted is the sum over the cells, not what had been asked for.
    """
    if budget.limit is None:
        return budget
    over = cost_in(actual, budget) - cost_in(predicted, budget)
    return replace(budget, limit=max(budget.limit - over, budget.limit / 2))


def cost_in(found: Prediction, budget: Budget) -> float:
    """Return a prediction's cost in the unit of a budget; infinite if unknown."""
    value = getattr(found, budget.unit)
    return float("inf") if value is None else float(value)
