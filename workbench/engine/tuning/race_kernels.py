"""Kernel variants timed alone: real weights, real shapes, a scratch arena.

Belongs here: racing steps that were built for the same operands, with the caches as the
layers before would leave them. Does not belong here: deciding what to try and for how
long (`tune`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from math import inf
from pathlib import Path

from workbench.engine.candidates import Binding, Operand
from workbench.engine.layout.layout import Layout
from workbench.engine.tuning.turns import in_turns
from workbench.kernels import (
    GUARD_FLOATS,
    LANES,
    Activation,
    Executor,
    Geometry,
    Step,
    activation,
)

FLUSHED = 1.5
"""Times its L2 cache that each thread reads and writes between two runs."""

USUAL_L2_BYTES = 1 << 20
L2_SIZE = Path("/sys/devices/system/cpu/cpu0/cache/index2/size")

LOW_VECTORS = 12
"""Planes of fewer vectors are shared by channels, others by pixels (decision 131)."""

WARM_TURNS = 2
"""Turns that everybody gets: page faults and cold branch predictors."""

MIN_TURNS = 4
MAX_TURNS = 40
LONG_MS, LONG_TURNS = 2.0, 3
"""Long kernels need fewer turns: interruptions are small beside them."""

DROPPED = 1.5
"""Contenders this much slower than the best after the warm turns drop out."""

DROPPED_COLD = 3.0
"""Contenders this much slower in their very first turn drop out."""

STRIKES = 2
"""Times that a contender must be found too slow: one run may be an interrupted one."""

FILL = 0.375
"""An ordinary number in every element: zeros and denormals have other speeds."""

NS_PER_MS = 1e6


@dataclass(frozen=True)
class Bench:
    """How trials run.

    Parameters
    ----------
    threads : int
    cold : bool
        Flush the L2 caches before every run, as the other layers of a network
        that does not fit would.
    run_ms : float
        Aim for this much measured time a contender.
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


def race(
    steps: Mapping[str, Sequence[Step]],
    binding: Binding,
    bench: Bench,
    to_beat: float = inf,
) -> dict[str, float]:
    """Return the least time in ms of each contender, timed in turns.

    Before each run the first input is written again by the threads that share it as
    the layer before would: who reads what another core wrote pays for it here too.
    Contenders that are clearly slower after a few turns are not run again: their
    time is what was seen until then. Other work on the machine only ever adds
    time, so the least is the steadiest estimate.

    Parameters
    ----------
    steps : mapping of str to sequence of Step
        Kernel steps of each contender, built for the same operands.
    binding : Binding
        Those operands.
    bench : Bench
    to_beat : float
        Time in ms of another candidate for the same layer: who is clearly slower than
        that drops out too.
    """
    before = _before(binding, bench)
    everything: list[Step] = []
    places: dict[str, range] = {}
    for name, own in steps.items():
        start = len(everything)
        everything += (*before, *own)
        places[name] = range(start, len(everything))
    total = binding.arena_floats + _flush_floats() * bench.threads
    best = dict.fromkeys(steps, inf)
    strikes = dict.fromkeys(steps, 0)
    with Executor(
        everything, arena_floats=total, threads=bench.threads, cold=bench.cold
    ) as executor:
        executor.arena.fill(FILL)
        spent = 0.0
        runs = {
            name: partial(_run, executor, place, len(before))
            for name, place in places.items()
        }
        turns = in_turns(
            runs, lambda done: _goes_on(done, spent, min(best.values()), bench)
        )
        for done, seen in enumerate(turns, start=1):
            for name, ms in seen.items():
                best[name] = min(best[name], ms)
                spent += ms / len(places)
            limit = min(to_beat, *best.values()) * _allowed(done)
            for name in list(runs):
                strikes[name] += best[name] > limit
                if strikes[name] >= STRIKES:
                    del runs[name]
    return best


def _run(executor: Executor, place: range, before: int) -> float:
    """Return the ms of a contender's own steps in one run."""
    ns = executor.time_steps(1, place)[0, before:]
    return float(ns.sum()) / NS_PER_MS


def _before(binding: Binding, bench: Bench) -> tuple[Step, ...]:
    """Return the steps that bring caches and threads into the state of a network.

    They run in one go with the contender: threads that sleep would leave it to one.
    """
    steps: list[Step] = []
    if bench.cold:
        n, floats = bench.threads, _flush_floats()
        end = binding.arena_floats
        flush = Geometry("planes", n, 1, floats, floats, floats, end)
        steps.append(_in_place(flush))
    if bench.cold or bench.threads > 1:
        steps.append(_in_place(shares(binding.inputs[0])))
    return tuple(steps)


def _in_place(geometry: Geometry) -> Step:
    """Return a step that reads and writes a tensor, and changes nothing above zero."""
    return activation(
        geometry_in=geometry, geometry_out=geometry, act=Activation("relu")
    )


def shares(operand: Operand) -> Geometry:
    """Return an operand with what threads share, rows of pixels, as its channels."""
    layout = operand.layout
    if layout.kind in ("rows", "strips"):
        row, count = layout.row_stride, layout.size // layout.row_stride
        return Geometry("planes", count, 1, row, row, row, operand.base)
    if layout.height * layout.width < LOW_VECTORS * LANES:
        return operand.geometry
    return Geometry(
        "planes",
        layout.height,
        operand.channels,
        layout.width,
        layout.row_stride,
        layout.channel_stride,
        operand.start + layout.origin,
    )


@cache
def _flush_floats() -> int:
    """Return the floats that push everything else out of one core's L2 cache."""
    try:
        kibibytes = int(L2_SIZE.read_text(encoding="ascii").strip().removesuffix("K"))
    except (OSError, ValueError):
        kibibytes = USUAL_L2_BYTES // 1024
    return int(FLUSHED * kibibytes * 1024) // (4 * LANES) * LANES


def _goes_on(turns: int, spent: float, best: float, bench: Bench) -> bool:
    least = LONG_TURNS if LONG_MS < best < inf else MIN_TURNS
    return turns < least or (spent < bench.run_ms and turns < MAX_TURNS)


def _allowed(turns: int) -> float:
    """Return how many times the best time is not too slow after some turns."""
    if turns == 0:
        return inf
    return DROPPED if turns >= WARM_TURNS else DROPPED_COLD
