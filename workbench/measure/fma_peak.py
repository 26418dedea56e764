"""The most multiply-adds a second that one core of this machine can do.

Belongs here: timing the register-only step. Does not belong here: the step
(kernels/peak.py), or what share of the peak a layer reaches (measure/per_layer.py).
"""

from math import ceil

from workbench.kernels import Executor, Step, fma_peak

SAMPLES = 40
SAMPLE_NS = 5_000_000
_FIRST_ROUNDS = 100


def peak_gflops() -> float:
    """Return GF/s of one core on multiply-adds alone, counted as two operations each.

    The instruction set is the one that the kernels use. Nothing is read from memory, so
    no kernel can be faster. The best of `SAMPLES` samples of about 5 ms: whatever else
    runs on the machine, or a clock that is still rising, only lowers the others.

    Examples
    --------
    >>> 0 < peak_gflops() < 10_000
    True
    """
    rounds = _FIRST_ROUNDS
    while True:
        step = fma_peak(rounds=rounds)
        best_ns = _best_ns(step, 3)
        if best_ns >= SAMPLE_NS / 2:
            return 2 * step.macs / _best_ns(step, SAMPLES)
        rounds = ceil(rounds * min(100.0, SAMPLE_NS / max(best_ns, 1)))


def _best_ns(step: Step, samples: int) -> int:
    with Executor([step], arena_floats=step.extent[1]) as executor:
        return int(executor.time_step(0, samples).min())
