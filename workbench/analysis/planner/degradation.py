"""What a pruned cell costs the network, in a unit that adds up, and what follows.

Falls of top-1 do not add up: a cell just before its cliff loses nothing alone, and what
it does lose lies below the sampling error of some hundred images. The divergence of the
scores from the dense network's is above 0 for every cell, hardly noisy (it compares
each image with itself) and additive to second order in the change of the scores, as
long as the changes of two layers are independent. What a divergence does to top-1 and
loss is read off the sweep's own cells, by isotonic regression.

Source: Cai et al. 2020 (ZeroQ), section 3.3, the divergence as sensitivity and its sum
over layers; Barlow et al. 1972, isotonic regression, through ``scipy.optimize``.

Belongs here: degradation of cells and what it predicts. Does not belong here: choosing
cells (``planner``), sums corrected by verified plans (``corrections``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from workbench.analysis.sensitivity.rows import Base, Sweep, SweepRow

DegradationUnit = Literal["divergence", "loss", "top1"]

TOGETHER = 1.5
"""Degradation of all chosen cells at once over the sum of each alone, until it is
measured: 1.1 to 2.6 was seen on two networks (decision 114)."""

IMAGES = 1000
"""Images of a sweep that does not say how many it had."""


@dataclass(frozen=True)
class Outlook:
    """How top-1 and loss follow from degradation, as a sweep's cells show it.

    Parameters
    ----------
    unit : "divergence", "loss" or "top1"
        What degradation is: mean KL divergence of the scores, in nats; for files
        without it the rise of the loss, or the fall of top-1.
    degradation, drop : tuple of float
        Rising points of a curve from (0, 0), straight in between.
    loss : tuple of float
        Rise of the loss at these points; empty where no cell has a loss.
    """

    unit: DegradationUnit
    degradation: tuple[float, ...]
    drop: tuple[float, ...]
    loss: tuple[float, ...] = ()

    def drop_at(self, degradation: float) -> float:
        """Return the fall of top-1; straight on beyond the last point."""
        return _at(degradation, self.degradation, self.drop)

    def loss_at(self, degradation: float) -> float | None:
        """Return the rise of the loss, None where losses are unknown."""
        return _at(degradation, self.degradation, self.loss) if self.loss else None

    def degradation_within(self, drop: float) -> float:
        """Return the largest degradation that lets top-1 fall by ``drop`` at most."""
        return _at(drop, self.drop, self.degradation)


def unit_of(sweep: Sweep) -> DegradationUnit:
    """Return the best unit that every cell of a sweep knows."""
    rows = [row for row in sweep.rows if row.loss is not None or not sweep.has_loss]
    if all(row.output_kl is not None for row in rows):
        return "divergence"
    return "loss" if sweep.has_loss else "top1"


def degradations(sweep: Sweep) -> Mapping[str, float]:
    """Return the degradation of each cell by its key.

    It is the worst of its curve up to its sparsity: a higher sparsity that looks better
    than a lower one does so by chance. It is never 0: a cell that lost no image may
    lose the next one, and counts as half an image at least.
    """
    unit = unit_of(sweep)
    found: dict[str, float] = {}
    worst: dict[tuple[str, str], float] = {}
    for row in sorted(sweep.rows, key=lambda one: one.sparsity):
        if sweep.has_loss and row.loss is None:
            continue
        curve = (row.subject, row.method)
        worst[curve] = max(worst.get(curve, 0.0), _alone(sweep, row, unit))
        found[row.key] = worst[curve]
    return found


def outlook(sweep: Sweep) -> Outlook:
    """Return how top-1 and loss follow from degradation over all cells of a sweep.

    Points where no image is lost are left out: from no degradation to the first loss
    the curve is straight, so that little degradation costs little instead of nothing.
    """
    unit, found = unit_of(sweep), degradations(sweep)
    rows = [r for r in sweep.rows if r.key in found and not r.removed_nothing]
    rows = rows or [r for r in sweep.rows if r.key in found]
    rows.sort(key=lambda row: found[row.key])
    x = np.array([found[row.key] for row in rows])
    drops = rising([sweep.drop(row) for row in rows])
    losses = rising([(row.loss or 0.0) - sweep.base.loss for row in rows])
    least = _half(sweep.base)
    degradation, drop, loss = [0.0], [0.0], [0.0]
    for value in np.unique(drops):
        block = drops == value
        at = float(x[block].mean())
        if value < least or at <= degradation[-1]:
            continue
        degradation.append(at)
        drop.append(float(value))
        loss.append(max(loss[-1], float(losses[block].mean())))
    if len(degradation) == 1:
        degradation.append(max(float(x.max(initial=0.0)), least))
        drop.append(least)
        loss.append(max(0.0, float(losses.max(initial=0.0))))
    shown = tuple(loss) if sweep.has_loss else ()
    return Outlook(unit, tuple(degradation), tuple(drop), shown)


def _alone(sweep: Sweep, row: SweepRow, unit: DegradationUnit) -> float:
    """Return what one cell says about itself, above 0."""
    if unit == "divergence":
        return max(row.output_kl or 0.0, np.finfo(float).tiny)
    if unit == "loss":
        return max((row.loss or 0.0) - sweep.base.loss, 0.0) + _half(sweep.base)
    return max(sweep.drop(row), 0.0) + _half(sweep.base)


def _half(base: Base) -> float:
    """Return half an image as a share."""
    return 0.5 / (base.n or IMAGES)


def rising(values: Sequence[float]) -> NDArray[np.float64]:
    """Return the values nearest to these that never fall."""
    if not values:
        return np.zeros(0)
    fitted: NDArray[np.float64] = isotonic_regression(values).x
    return fitted


def _at(value: float, xs: Sequence[float], ys: Sequence[float]) -> float:
    if value > xs[-1] > 0:
        return ys[-1] * value / xs[-1]
    return float(np.interp(value, xs, ys))
