"""Chains of layers that run in bands of rows, so that activations stay in the L2 cache.

Belongs here: which units of each task run in which band. A task does as much as the
rows made so far allow; nothing is computed twice. Does not belong here: where the rows
of a band lie (`windows`) and whether bands pay (`banding`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.engine.candidates.base import window_of
from workbench.engine.graph.graph import Graph
from workbench.engine.lowering.schedule import Task
from workbench.engine.planning.plan import Band
from workbench.kernels import Step
from workbench.kernels.steps.parts import count_units, divisible, vectors_of

I64 = NDArray[np.int64]

DIVISIBLE_OPS = ("conv2d", "max_pool", "avg_pool")


@dataclass(frozen=True, eq=False)
class Units:
    """What each unit of a task makes and needs, in image rows and pixels.

    Parameters
    ----------
    ends : numpy.ndarray of int64, shape (units,)
        Output pixels that are complete once this unit and all before it ran.
    low, high : numpy.ndarray of int64, shape (units,)
        First and last row of the first input that a unit reads; rows outside of the
        image are padding.
    width, height : int
        Of the output.
    """

    ends: I64
    low: I64
    high: I64
    width: int
    height: int

    def first_pixel(self, unit: int) -> int:
        """Return the first output pixel of a unit."""
        return int(self.ends[unit - 1]) if unit else 0

    def rows_done(self, units: int) -> int:
        """Return the complete output rows after so many units."""
        return int(self.ends[units - 1]) // self.width if units else 0


@dataclass(frozen=True, eq=False)
class Chain:
    """Consecutive tasks that run together, band by band.

    Parameters
    ----------
    first : int
        Position of the first task in the schedule.
    units : tuple of Units
        One a task.
    stops : numpy.ndarray of int64, shape (bands, tasks)
        Units of each task that are done after each band.
    """

    first: int
    units: tuple[Units, ...]
    stops: I64

    @property
    def last(self) -> int:
        """Position of the last task."""
        return self.first + len(self.units) - 1

    def range(self, band: int, task: int) -> tuple[int, int]:
        """Return the units of a task in a band."""
        begin = int(self.stops[band - 1, task]) if band else 0
        return begin, int(self.stops[band, task])


def find_span(tasks: Sequence[Task], band: Band) -> tuple[int, int] | None:
    """Return positions of the first and last task of a band's chain, or None."""
    places = [i for i, task in enumerate(tasks) if task.kind in ("load", "node")]
    named = {tasks[i].node.id: i for i in places}
    if band.first not in named or band.last not in named:
        return None
    span = named[band.first], named[band.last]
    return span if span[0] < span[1] else None


def make_chain(
    graph: Graph,
    tasks: Sequence[Task],
    groups: Mapping[int, Sequence[Step]],
    span: tuple[int, int],
    rows: int,
) -> Chain | None:
    """Return the units of every band, or None when a task cannot be divided.

    Parameters
    ----------
    graph : Graph
        Simplified.
    tasks : sequence of Task
        The whole schedule.
    groups : mapping of int to sequence of Step
        Kernel steps of the tasks of the span, by position.
    span : tuple of int
        First and last position of the chain.
    rows : int
        Output rows of the first task in each band.
    """
    positions = range(span[0], span[1] + 1)
    units = []
    for position in positions:
        found = _units_of(graph, tasks[position], groups[position])
        if found is None:
            return None
        units.append(found)
    sources = [_producers(tasks, span, position) for position in positions]
    done = np.zeros(len(units), np.int64)
    stops: list[I64] = []
    while any(done[i] < u.ends.size for i, u in enumerate(units)):
        for i, unit in enumerate(units):
            if i == 0:
                wanted = (len(stops) + 1) * rows * unit.width
                ready = int(np.searchsorted(unit.ends, wanted, side="right"))
                done[0] = unit.ends.size if wanted >= unit.ends[-1] else ready
                continue
            limit = unit.ends.size
            for source in sources[i]:
                made = units[source].rows_done(int(done[source]))
                if done[source] < units[source].ends.size:
                    limit = min(limit, int(np.searchsorted(unit.high, made)))
            done[i] = max(int(done[i]), limit)
        stops.append(done.copy())
    return Chain(span[0], tuple(units), np.array(stops))


def _producers(
    tasks: Sequence[Task], span: tuple[int, int], position: int
) -> list[int]:
    """Return the tasks of a span, counted from its start, that a task reads."""
    made = {
        task.output.buffer: i
        for i, task in enumerate(tasks[span[0] : position])
        if task.output is not None
    }
    return [made[t.buffer] for t in tasks[position].inputs if t.buffer in made]


def _units_of(graph: Graph, task: Task, group: Sequence[Step]) -> Units | None:
    if len(group) != 1 or not divisible(group[0]) or task.output is None:
        return None
    step, node = group[0], task.node
    if task.kind == "node" and node.op not in DIVISIBLE_OPS:
        return None
    height, width = (*node.shape, 1, 1)[1:3]
    vectors = vectors_of(step)
    if vectors is None:
        if count_units(step) != height:
            return None
        y = np.arange(height, dtype=np.int64)
        low, high = y, y
        if task.kind == "node":
            pool = getattr(step, "divisible", None)
            low = np.asarray(getattr(pool, "y0", y), np.int64)
            high = np.asarray(getattr(pool, "y1", y + 1), np.int64) - 1
        return Units((y + 1) * width, low, high, width, height)
    counts = np.bitwise_count(vectors.vec_mask).sum(axis=1).astype(np.int64)
    ends = np.cumsum(counts)
    if counts.min() == 0 or ends[-1] != height * width:
        return None
    top, bottom = (ends - counts) // width, (ends - 1) // width
    window = window_of(node, graph.node(node.inputs[0]).shape)
    taps = window.taps(0)
    stride = window.stride[0]
    return Units(
        ends,
        top * stride + int(taps.min()),
        bottom * stride + int(taps.max()),
        width,
        height,
    )
