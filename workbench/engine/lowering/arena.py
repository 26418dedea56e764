"""Where each buffer starts: one arena, memory reused when a tensor is dead.

Belongs here: the liveness plan. Kernels never write the zero borders that
padded layouts promise; those are zero since the arena was made. So the arena
has two areas: in one, memory passes only between padded buffers of exactly
equal layout, with guards of zeros between them; in the other, buffers without
any promise take whatever is free.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from workbench.engine.layout.layout import Layout
from workbench.engine.lowering.schedule import Task, live_ranges
from workbench.kernels import GUARD_FLOATS, LANES


@dataclass(frozen=True, eq=False)
class Arena:
    """Start of every buffer and the size of the whole, in floats."""

    bases: Mapping[str, int]
    floats: int


@dataclass(frozen=True)
class _Need:
    """A buffer, and the first and last task that uses it."""

    name: str
    layout: Layout
    first: int
    last: int


def plan_arena(
    tasks: Sequence[Task],
    spans: Sequence[tuple[int, int]] = (),
    windows: Mapping[str, Layout] = MappingProxyType({}),
) -> Arena:
    """Return addresses so that buffers alive together never overlap.

    Parameters
    ----------
    tasks : sequence of Task
        In execution order.
    spans : sequence of tuple of int
        First and last position of tasks that run together.
    windows : mapping of str to Layout
        Buffers of which only a stretch exists at a time, and its layout.

    Returns
    -------
    Arena
        Bases are multiples of 16 floats.
    """
    needs = sorted(
        (
            _Need(name, windows.get(name, layout), first, last)
            for name, (layout, first, last) in live_ranges(tasks, spans).items()
        ),
        key=lambda need: (need.first, need.name),
    )
    guard = _guard([need.layout for need in needs])
    padded = [need for need in needs if need.layout.padded]
    bases, top = _place_padded(padded, guard)
    plain = [need for need in needs if not need.layout.padded]
    more, end = _place_plain(plain, top)
    return Arena({**bases, **more}, end + guard)


def _place_padded(needs: Sequence[_Need], guard: int) -> tuple[dict[str, int], int]:
    free: dict[Layout, list[tuple[int, int]]] = {}
    bases: dict[str, int] = {}
    top = guard
    for need in needs:
        entries = free.setdefault(need.layout, [])
        dead = [entry for entry in entries if entry[0] < need.first]
        if dead:
            last = max(dead)
            entries.remove(last)
            bases[need.name] = last[1]
        else:
            bases[need.name] = top
            top += _whole_lines(need.layout.size) + guard
        entries.append((need.last, bases[need.name]))
    return bases, top


def _place_plain(needs: Sequence[_Need], start: int) -> tuple[dict[str, int], int]:
    """Place the largest first, each at the lowest address free while it lives."""
    bases: dict[str, int] = {}
    # What is placed, by each task that it lives at: few live together.
    alive: dict[int, list[tuple[int, int]]] = {}
    end = start
    for need in sorted(needs, key=lambda n: (-n.layout.size, n.first, n.name)):
        size = _whole_lines(need.layout.size) + LANES
        base, tasks = start, range(need.first, need.last + 1)
        for low, high in sorted({span for t in tasks for span in alive.get(t, ())}):
            if base < high and low < base + size:
                base = high
        bases[need.name] = base
        for task in tasks:
            alive.setdefault(task, []).append((base, base + size))
        end = max(end, base + size)
    return bases, end


def _whole_lines(floats: int) -> int:
    return -(-floats // LANES) * LANES


def _guard(layouts: Sequence[Layout]) -> int:
    widest = max((layout.gap for layout in layouts), default=0)
    return max(GUARD_FLOATS, _whole_lines(widest + LANES))
