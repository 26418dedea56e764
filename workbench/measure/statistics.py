"""Medians, spreads and ratios of interleaved samples.

Belongs here: what can be said about samples once they are taken. Does not belong
here: taking them (interleave.py).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Verdict = Literal["faster", "slower", "within noise"]

# A true difference of under 2 % is not claimed: code alignment and the position in
# a round alone move medians by that much.
MARGIN = 0.02
RESAMPLES = 2000
INTERVAL = (2.5, 97.5)


@dataclass(frozen=True)
class Spread:
    """Return the summary of one contender's samples, in ms.

    Parameters
    ----------
    median_ms, p10_ms, p90_ms, min_ms : float
        Quantiles over the samples.
    n : int
        Number of samples (rounds).
    inner : int
        Calls averaged within one sample.
    """

    median_ms: float
    p10_ms: float
    p90_ms: float
    min_ms: float
    n: int
    inner: int


@dataclass(frozen=True)
class Ratio:
    """Return baseline time over contender time: above 1 the contender is faster.

    Parameters
    ----------
    value : float
        Ratio of the medians.
    lo, hi : float
        95 % bootstrap interval over the rounds.
    verdict : "faster", "slower" or "within noise"
        Claimed only when the whole interval clears 1 by `MARGIN`.
    """

    value: float
    lo: float
    hi: float
    verdict: Verdict


def summarise(samples_ms: NDArray[np.float64], *, inner: int = 1) -> Spread:
    """Return median and spread of samples.

    Examples
    --------
    >>> import numpy as np
    >>> summarise(np.array([3.0, 1.0, 2.0])).median_ms
    2.0
    """
    p10, median, p90 = np.percentile(samples_ms, (10, 50, 90))
    return Spread(
        median_ms=float(median),
        p10_ms=float(p10),
        p90_ms=float(p90),
        min_ms=float(samples_ms.min()),
        n=len(samples_ms),
        inner=inner,
    )


def ratio(
    baseline_ms: NDArray[np.float64],
    contender_ms: NDArray[np.float64],
    *,
    seed: int = 0,
) -> Ratio:
    """Return how many times faster the contender is than the baseline.

    The samples of one round were taken next to each other, so rounds are resampled
    as pairs: what slows the whole machine cancels out.

    Parameters
    ----------
    baseline_ms, contender_ms : float64 array (n,)
        Samples of the same rounds.
    seed : int
        Of the bootstrap.

    Examples
    --------
    >>> import numpy as np
    >>> slow, fast = np.full(9, 4.0), np.full(9, 2.0)
    >>> ratio(slow, fast)
    Ratio(value=2.0, lo=2.0, hi=2.0, verdict='faster')
    """
    value = float(np.median(baseline_ms) / np.median(contender_ms))
    rounds = len(contender_ms)
    chosen = np.random.default_rng(seed).integers(rounds, size=(RESAMPLES, rounds))
    resampled = np.median(baseline_ms[chosen], 1) / np.median(contender_ms[chosen], 1)
    lo, hi = (float(bound) for bound in np.percentile(resampled, INTERVAL))
    return Ratio(value, lo, hi, _verdict(lo, hi))


def _verdict(lo: float, hi: float) -> Verdict:
    if lo > 1 + MARGIN:
        return "faster"
    if hi < 1 / (1 + MARGIN):
        return "slower"
    return "within noise"
