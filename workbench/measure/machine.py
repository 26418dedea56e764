"""The two roofs of this machine: multiply-adds and main memory, measured.

Belongs here: the memory bandwidth, and both as one value. Does not belong here: the
compute peak's loop (``fma_peak``) and what layers make of it (``analysis/roofline``).
"""

from time import perf_counter

import numpy as np

from workbench.analysis.cost.roofline import Machine
from workbench.measure.fma_peak import peak_gflops

BYTES = 1 << 27
"""Past the last-level caches of usual machines."""

SAMPLES = 5


def bandwidth_gbs(size: int = BYTES) -> float:
    """Return billions of bytes a second that one core copies, read and written.

    The best of a few copies of ``size`` bytes; lines that are fetched only to be
    overwritten are not counted.

    Source: McCalpin's STREAM, kernel "copy".

    Examples
    --------
    >>> 0 < bandwidth_gbs(1 << 22) < 10_000
    True
    """
    source = np.ones(size // 8)
    target = np.zeros_like(source)
    best = np.inf
    for _ in range(SAMPLES + 1):
        start = perf_counter()
        np.copyto(target, source)
        best = min(best, perf_counter() - start)
    return 2 * source.nbytes / best / 1e9


def this_machine(threads: int = 1) -> Machine:
    """Return the roofs for so many threads; memory is taken to be shared."""
    return Machine(threads * peak_gflops() / 2, bandwidth_gbs())
