"""One candidate timed alone: its tensors, real weights, real shapes.

Belongs here: running a single option in a scratch arena. Does not belong here:
deciding what to try and for how long (`tune`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.engine.candidates import Binding, Candidate, Operand
from workbench.engine.graph import Node
from workbench.engine.layout import Layout
from workbench.kernels import GUARD_FLOATS, LANES, Executor, Geometry, Step, activation
from workbench.kernels import Activation as KernelActivation

FLUSH_FLOATS = 384 * 1024
"""1.5 MiB read and written between two runs: what the L2 cache held is gone."""

MIN_RUNS = 3
MAX_RUNS = 25
NS_PER_MS = 1e6


@dataclass(frozen=True)
class Bench:
    """How trials run.

    Parameters
    ----------
    threads : int
    cold : bool
        Flush the L2 cache before every run, as the other layers of a network
        that does not fit would.
    run_ms : float
        Aim for this much measured time a trial.
    """

    threads: int = 1
    cold: bool = True
    run_ms: float = 2.0


def place_operands(layouts: Sequence[Layout], target: Layout) -> Binding:
    """Return operands one after the other in a scratch arena.

    Parameters
    ----------
    layouts : sequence of Layout
        Of the inputs.
    target : Layout
        Of the output.
    """
    guard = GUARD_FLOATS + max(
        -(-(layout.gap + LANES) // LANES) * LANES for layout in (*layouts, target)
    )
    top = guard
    operands = []
    for layout in (*layouts, target):
        operands.append(Operand(top, layout, 0, layout.channels))
        top += -(-layout.size // LANES) * LANES + guard
    return Binding(tuple(operands[:-1]), operands[-1], top)


class Trial:
    """The options of one node in one scratch arena, ready to be timed.

    Parameters
    ----------
    candidate : Candidate
    node : Node
    binding : Binding
        From `place_operands`.
    bench : Bench
    """

    def __init__(
        self, candidate: Candidate, node: Node, *, binding: Binding, bench: Bench
    ) -> None:
        self._candidate, self._node = candidate, node
        self._binding, self._bench = binding, bench

    def time_ms(self, variant: str) -> float:
        """Return the time of one variant: the least of several runs.

        Other work on the machine only ever adds time, so the least is the
        steadiest estimate.
        """
        steps = tuple(self._candidate.build(self._node, self._binding, variant))
        return time_steps_ms(steps, self._binding.arena_floats, self._bench)


def time_steps_ms(steps: Sequence[Step], arena_floats: int, bench: Bench) -> float:
    """Return the least time of some steps run one after the other, in ms.

    Parameters
    ----------
    steps : sequence of Step
    arena_floats : int
        What the steps were built for.
    bench : Bench
    """
    prefix: tuple[Step, ...] = ()
    if bench.cold:
        flush = Geometry("flat", 1, 1, FLUSH_FLOATS, FLUSH_FLOATS, 0, arena_floats)
        prefix = (
            activation(
                geometry_in=flush, geometry_out=flush, act=KernelActivation("relu")
            ),
        )
        arena_floats += FLUSH_FLOATS
    with Executor(
        (*prefix, *steps), arena_floats=arena_floats, threads=bench.threads
    ) as executor:
        _fill(executor.arena)
        first = executor.time_steps(1)[:, len(prefix) :].sum() / NS_PER_MS
        runs = int(np.clip(bench.run_ms / max(first, 1e-4), MIN_RUNS, MAX_RUNS))
        times = executor.time_steps(runs)[:, len(prefix) :].sum(axis=1)
    return float(times.min()) / NS_PER_MS


def _fill(arena: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> None:
    """Put ordinary numbers everywhere: zeros and denormals have other speeds."""
    block = np.linspace(-1.0, 1.0, 4093, dtype=np.float32)
    arena[:] = np.resize(block, arena.size)
