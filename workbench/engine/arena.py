"""Where each buffer starts: one arena, memory reused when a tensor is dead.

Belongs here: the liveness plan. Kernels never write the zero borders, which
are written once when the arena is made; so memory passes only between buffers
of exactly equal layout, and guards of zeros keep wide loads apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.engine.layout import Layout
from workbench.engine.schedule import Task, live_ranges
from workbench.kernels import GUARD_FLOATS, LANES


@dataclass(frozen=True, eq=False)
class Arena:
    """Start of every buffer and the size of the whole, in floats."""

    bases: Mapping[str, int]
    floats: int


def plan_arena(tasks: Sequence[Task]) -> Arena:
    """Return addresses so that buffers alive together never overlap.

    Parameters
    ----------
    tasks : sequence of Task
        In execution order.

    Returns
    -------
    Arena
        Bases are multiples of 16 floats with zeros of at least 64 floats between
        two buffers.
    """
    ranges = live_ranges(tasks)
    guard = _guard([layout for layout, _, _ in ranges.values()])
    free: dict[Layout, list[tuple[int, int]]] = {}
    bases: dict[str, int] = {}
    top = guard
    for name, (layout, first, last) in sorted(
        ranges.items(), key=lambda item: (item[1][1], item[0])
    ):
        dead = [entry for entry in free.get(layout, []) if entry[1] < first]
        if dead:
            base = max(dead, key=lambda entry: entry[1])
            free[layout].remove(base)
            bases[name] = base[0]
        else:
            bases[name] = top
            top += -(-layout.size // LANES) * LANES + guard
        free.setdefault(layout, []).append((bases[name], last))
    return Arena(bases, top)


def _guard(layouts: Sequence[Layout]) -> int:
    widest = max((layout.gap for layout in layouts), default=0)
    return max(GUARD_FLOATS, -(-(widest + LANES) // LANES) * LANES)
