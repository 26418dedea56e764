"""Kernel variants timed alone: real weights, real shapes, a scratch arena.

Belongs here: racing steps that were built for the same operands. Does not belong here:
deciding what to try and for how long (`tune`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from workbench.engine.candidates import Binding, Operand
from workbench.engine.layout import Layout
from workbench.kernels import (
    GUARD_FLOATS,
    LANES,
    Activation,
    Executor,
    Geometry,
    Step,
    activation,
)

FLUSH_FLOATS = 384 * 1024
"""1.5 MiB read and written between two runs: what the L2 cache held is gone."""

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
        Flush the L2 cache before every run, as the other layers of a network
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
    arena_floats: int,
    bench: Bench,
    to_beat: float = inf,
) -> dict[str, float]:
    """Return the least time in ms of each contender, timed in turns.

    Contenders that are clearly slower after a few turns are not run again: their
    time is what was seen until then. Other work on the machine only ever adds
    time, so the least is the steadiest estimate.

    Parameters
    ----------
    steps : mapping of str to sequence of Step
        Kernel steps of each contender, built for the same arena.
    arena_floats : int
        Size of that arena.
    bench : Bench
    to_beat : float
        Time in ms of another candidate for the same layer: who is clearly slower than
        that drops out too.
    """
    flush = Geometry("flat", 1, 1, FLUSH_FLOATS, FLUSH_FLOATS, 0, arena_floats)
    everything: list[Step] = [
        activation(geometry_in=flush, geometry_out=flush, act=Activation("relu"))
    ]
    places: dict[str, range] = {}
    for name, own in steps.items():
        places[name] = range(len(everything), len(everything) + len(own))
        everything += own
    total = arena_floats + FLUSH_FLOATS
    best = dict.fromkeys(steps, inf)
    with Executor(
        everything, arena_floats=total, threads=bench.threads, cold=bench.cold
    ) as executor:
        executor.arena.fill(FILL)
        spent, turns = 0.0, 0
        while _goes_on(turns, spent, min(best.values()), bench):
            limit = min(to_beat, *best.values()) * _allowed(turns)
            for name, place in places.items():
                if best[name] > limit:
                    continue
                if bench.cold:
                    executor.run_step(0)
                ms = sum(float(executor.time_step(i, 1)[0]) for i in place) / NS_PER_MS
                best[name] = min(best[name], ms)
                spent += ms / len(places)
            turns += 1
    return best


def _goes_on(turns: int, spent: float, best: float, bench: Bench) -> bool:
    least = LONG_TURNS if LONG_MS < best < inf else MIN_TURNS
    return turns < least or (spent < bench.run_ms and turns < MAX_TURNS)


def _allowed(turns: int) -> float:
    """Return how many times the best time is not too slow after some turns."""
    if turns == 0:
        return inf
    return DROPPED if turns >= WARM_TURNS else DROPPED_COLD
