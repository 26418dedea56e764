"""Which layer takes the time: every step of a program against this core's peak.

Belongs here: the table behind `bench --per-layer`. Does not belong here: timing steps
(engine) or measuring the peak (fma_peak.py).
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.engine.noise import noise_image
from workbench.engine.program import Program
from workbench.engine.report import Profile
from workbench.measure.fma_peak import peak_gflops


@dataclass(frozen=True)
class LayerTime:
    """Return one step of a program with its time in place.

    Parameters
    ----------
    layer : str
        Layer id, or the node a move belongs to.
    op, kernel : str
        What is computed, and the symbol of the kernel that does it.
    ms : float
        Median inside whole runs.
    share : float
        Of the program's time, 0..1.
    dense_macs, theoretical_macs, executed_macs : int
        Of the dense layer, of its non-zero weights, of the kernel.
    gflops : float or None
        2 x theoretical MACs / time: GF/s on non-zeros; None where nothing is
        multiplied.
    of_peak : float or None
        `gflops` over the peak of all threads, 0..1; above 1 where a Winograd kernel
        gets by with fewer multiplications.
    """

    layer: str
    op: str
    kernel: str
    ms: float
    share: float
    dense_macs: int
    theoretical_macs: int
    executed_macs: int
    gflops: float | None
    of_peak: float | None


@dataclass(frozen=True)
class LayerTimes:
    """Return the times of all steps of a program.

    Parameters
    ----------
    network : str
        Its name.
    threads : int
        Threads that share each step.
    rounds : int
        Runs that the medians are over.
    total_ms : float
        Median of the sum of all steps.
    peak_gflops : float
        Measured on one core.
    rows : tuple of LayerTime
        In the order they run.
    """

    network: str
    threads: int
    rounds: int
    total_ms: float
    peak_gflops: float
    rows: tuple[LayerTime, ...]

    @property
    def slowest(self) -> LayerTime:
        """The step that takes most of the time."""
        return max(self.rows, key=lambda row: row.ms)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields; `layers` holds the rows."""
        facts = asdict(self)
        return facts | {"layers": list(facts.pop("rows"))}


def per_layer(
    program: Program,
    x: NDArray[np.float32] | None = None,
    *,
    rounds: int = 30,
    peak: float | None = None,
) -> LayerTimes:
    """Return the time of every step of a program, measured inside whole runs.

    Parameters
    ----------
    program : Program
    x : float32 (N, C, H, W) or None
        The input; None makes one image of seeded noise.
    rounds : int
        Runs of the whole program.
    peak : float or None
        GF/s of one core; measured now when None.
    """
    if x is None:
        x = noise_image(program.input_shape)
    peak = peak_gflops() if peak is None else peak
    profile = program.profile(x, rounds=rounds)
    every = float(profile.ms.sum())
    rows = tuple(
        _row(profile, index, every, peak * program.team)
        for index in range(len(profile.steps))
    )
    return LayerTimes(
        program.name, program.threads, rounds, profile.total_ms, peak, rows
    )


def _row(profile: Profile, index: int, every: float, peak: float) -> LayerTime:
    step, ms = profile.steps[index], float(profile.ms[index])
    gflops = None
    if step.theoretical_macs and ms > 0:
        gflops = 2 * step.theoretical_macs / ms / 1e6
    return LayerTime(
        layer=step.layer,
        op=step.op,
        kernel=step.kernel,
        ms=ms,
        share=ms / every if every else 0.0,
        dense_macs=step.dense_macs,
        theoretical_macs=step.theoretical_macs,
        executed_macs=step.executed_macs,
        gflops=gflops,
        of_peak=None if gflops is None else gflops / peak,
    )
