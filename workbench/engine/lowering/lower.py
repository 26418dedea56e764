"""From tasks to kernel steps with addresses.

Belongs here: binding operands, asking candidates to build, and cutting the steps of
chains into bands. Does not belong here: any arithmetic about one kernel.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from workbench.engine.candidates import TABLE, Binding, Candidate, Operand
from workbench.engine.graph.graph import Graph
from workbench.engine.layout.layout import image_of
from workbench.engine.lowering.arena import Arena, plan_arena
from workbench.engine.lowering.bands import Chain, find_span, make_chain
from workbench.engine.lowering.schedule import Task, Tensor, make_schedule
from workbench.engine.lowering.sliding_buffers import SlidingBuffer, find_windows
from workbench.engine.planning.plan import ExecutionPlan
from workbench.engine.planning.slots import Slots
from workbench.engine.stored.filed import release
from workbench.errors import WorkbenchError
from workbench.kernels import Step, convert, info, load_input, store_output
from workbench.kernels.steps.parts import move, part

BY_NAME: Mapping[str, Candidate] = {candidate.name: candidate for candidate in TABLE}

ANYWHERE = 1 << 40
"""Windowed tensors are addressed from here until their parts are moved into place."""

MOST_BUILDERS = 4
"""Threads that build steps at once: each holds what its layer is packed from."""


@dataclass(frozen=True, eq=False)
class Lowered:
    """A program's steps, in execution order, and the task that each belongs to.

    Parameters
    ----------
    tasks : tuple of Task
    steps : tuple of Step
    owners : numpy.ndarray of int64, shape (steps,)
        Position in ``tasks``.
    arena : Arena
    """

    tasks: tuple[Task, ...]
    steps: tuple[Step, ...]
    owners: NDArray[np.int64]
    arena: Arena

    @cached_property
    def groups(self) -> tuple[tuple[Step, ...], ...]:
        """The kernel steps of each task."""
        found: list[list[Step]] = [[] for _ in self.tasks]
        for owner, step in zip(self.owners.tolist(), self.steps, strict=True):
            found[owner].append(step)
        return tuple(tuple(group) for group in found)

    def by_task(self, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return times of steps, shape (rounds, steps), summed for each task."""
        result = np.zeros((len(self.tasks), len(times)), np.int64)
        np.add.at(result, self.owners, times.T)
        return result.T


def memory_bytes() -> int:
    """Return the memory of this machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def lower(
    graph: Graph, slots: Slots, plan: ExecutionPlan, *, most_bytes: int | None = None
) -> Lowered:
    """Return the steps of a plan over one arena.

    Parameters
    ----------
    graph : Graph
        Simplified.
    slots : Slots
    plan : ExecutionPlan
    most_bytes : int, optional
        Of the arena; the memory of the machine if not given.

    Raises
    ------
    WorkbenchError
        The arena would be larger.
    """
    tasks = make_schedule(graph, slots, plan)
    most = memory_bytes() if most_bytes is None else most_bytes
    _check_arena(plan_arena(tasks), most)
    chains = _chains(graph, tasks, plan)
    outputs = stored_buffers(tasks)
    windows: dict[str, SlidingBuffer] = {}
    for chain in chains:
        windows |= find_windows(tasks, chain, outputs)
    arena = plan_arena(
        tasks,
        [(chain.first, chain.last) for chain in chains],
        {name: window.layout for name, window in windows.items()},
    )
    builder = _Builder(graph, tasks, plan, arena, windows)
    inside = {i for chain in chains for i in range(chain.first, chain.last + 1)}
    whole = [i for i in range(len(tasks)) if i not in inside]
    built = dict(zip(whole, _at_once(builder.whole, whole), strict=True))
    first = {chain.first: chain for chain in chains}
    for position in range(len(tasks)):
        if position in first:
            builder.chain(first[position])
        elif position in built:
            builder.add(position, built[position])
    return Lowered(tasks, tuple(builder.steps), np.array(builder.owners), arena)


def _check_arena(arena: Arena, most_bytes: int) -> None:
    if 4 * arena.floats > most_bytes:
        raise WorkbenchError(
            f"activations of {4 * arena.floats / 2**20:,.0f} MiB",
            f"at most {most_bytes / 2**20:,.0f} MiB",
            "Use smaller images, or pass most_bytes to Program.load if the file may "
            "take so much memory.",
        )


def _at_once(
    build: Callable[[int], Sequence[Step]], positions: Sequence[int]
) -> list[Sequence[Step]]:
    """Return the steps of some tasks, built by as many threads as processors.

    This thread is one of them: its processor time is what tuning counts.
    """
    helpers = min(_usable_processors(), MOST_BUILDERS) - 1
    left = iter(positions)
    built: dict[int, Sequence[Step]] = {}

    def work() -> None:
        for i in left:
            built[i] = build(i)

    with ThreadPoolExecutor(max(1, helpers)) as pool:
        # Each in a copy of this context: it says which kernels may be used.
        jobs = [pool.submit(copy_context().run, work) for _ in range(helpers)]
        work()
        for job in jobs:
            job.result()
    return [built[i] for i in positions]


def _usable_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def stored_buffers(tasks: Sequence[Task]) -> frozenset[str]:
    """Return the buffers that results are stored from."""
    return frozenset(t.inputs[0].buffer for t in tasks if t.output is None)


def operand(tensor: Tensor, arena: Arena) -> Operand:
    """Return a tensor with its address."""
    return Operand(
        arena.bases[tensor.buffer], tensor.layout, tensor.first, tensor.channels
    )


class PlanMisfit(WorkbenchError):
    """A plan by which its graph may not run."""


def build_task(
    graph: Graph,
    task: Task,
    plan: ExecutionPlan,
    operands: Sequence[Operand],
    arena_floats: int,
) -> Sequence[Step]:
    """Return the kernel steps of one task; operands are inputs, then the output.

    Raises
    ------
    PlanMisfit
        The plan names a kernel that may not run the node.
    """
    if task.output is None:
        step = store_output(geometry_in=operands[0].geometry, offset=task.offset)
        return (step,)
    *inputs, output = operands
    split = task.output.layout.split > 1
    if task.kind == "load":
        channels, height, width = image_of(task.node.shape)
        step = load_input(
            geometry_out=output.geometry,
            phase_split=split,
            size=(channels, height, width),
            offset=task.offset,
        )
        return (step,)
    if task.kind == "copy":
        step = convert(
            geometry_in=inputs[0].geometry,
            geometry_out=output.geometry,
            phase_split=split,
        )
        return (step,)
    choice = plan.choices[task.node.id]
    shapes = [graph.node(name).shape for name in task.node.inputs]
    binding = Binding(tuple(inputs), output, arena_floats, shapes)
    candidate = BY_NAME[choice.candidate]
    reason = candidate.reject(task.node, shapes)
    if reason is not None:
        raise PlanMisfit(
            f"layer {task.node.id!r} by {choice.candidate}: {reason}",
            "a kernel that may run it",
            "Compile the network again.",
        )
    steps = candidate.build(task.node, binding, choice.variant)
    release(task.node.params)
    return steps


def _tensors(task: Task) -> tuple[Tensor, ...]:
    return task.inputs if task.output is None else (*task.inputs, task.output)


def _chains(graph: Graph, tasks: Sequence[Task], plan: ExecutionPlan) -> list[Chain]:
    """Return the chains of a plan that can run in bands here."""
    if not plan.bands or not info().native:
        return []
    arena = plan_arena(tasks)
    chains = []
    for band in plan.bands:
        span = find_span(tasks, band)
        if span is None:
            continue
        groups = {
            i: build_task(
                graph,
                tasks[i],
                plan,
                [operand(t, arena) for t in _tensors(tasks[i])],
                arena.floats,
            )
            for i in range(span[0], span[1] + 1)
        }
        chain = make_chain(graph, tasks, groups, span, band.rows)
        if chain is not None:
            chains.append(chain)
    return chains


class _Builder:
    """Appends steps, each with the task that it belongs to."""

    def __init__(
        self,
        graph: Graph,
        tasks: Sequence[Task],
        plan: ExecutionPlan,
        arena: Arena,
        windows: Mapping[str, SlidingBuffer],
    ) -> None:
        self._graph = graph
        self._tasks, self._plan, self._arena = tasks, plan, arena
        self._windows = windows
        self.steps: list[Step] = []
        self.owners: list[int] = []

    def add(self, position: int, steps: Sequence[Step]) -> None:
        """Append the steps of a task."""
        self.steps += steps
        self.owners += [position] * len(steps)

    def whole(self, position: int) -> Sequence[Step]:
        """Return the steps of a task that runs at once."""
        task = self._tasks[position]
        operands = [operand(tensor, self._arena) for tensor in _tensors(task)]
        return build_task(self._graph, task, self._plan, operands, self._arena.floats)

    def chain(self, chain: Chain) -> None:
        """Append the tasks of a chain, band by band."""
        places = range(chain.first, chain.last + 1)
        wholes = {place: self._anywhere(self._tasks[place]) for place in places}
        for band in range(len(chain.stops)):
            for index, place in enumerate(places):
                task = self._tasks[place]
                self._slide(place, band)
                units = chain.range(band, index)
                if units[0] == units[1]:
                    continue
                moved = [
                    self._moved(tensor, band)
                    for tensor in (*task.inputs[:1], task.output)
                    if tensor is not None
                ]
                step = part(
                    wholes[place],
                    units,
                    moved=(moved[0] if len(moved) > 1 else 0, moved[-1]),
                    arena_floats=self._arena.floats,
                )
                self.add(place, (step,))

    def _anywhere(self, task: Task) -> Step:
        operands = []
        for tensor in _tensors(task):
            place = operand(tensor, self._arena)
            if tensor.buffer in self._windows:
                base = place.base + ANYWHERE
                place = Operand(base, place.layout, place.first, place.channels)
            operands.append(place)
        (step,) = build_task(self._graph, task, self._plan, operands, 2 * ANYWHERE)
        return step

    def _moved(self, tensor: Tensor, band: int) -> int:
        window = self._windows.get(tensor.buffer)
        return 0 if window is None else window.moved(band) - ANYWHERE

    def _slide(self, position: int, band: int) -> None:
        """Append what prepares the output's window for a band."""
        output = self._tasks[position].output
        window = None if output is None else self._windows.get(output.buffer)
        if window is None or output is None:
            return
        slide, stride = window.slides[band], window.stride
        base, floats = self._arena.bases[output.buffer], self._arena.floats
        if slide.carry is not None:
            first, stop = slide.carry
            before = window.slides[band - 1].base
            step = move(
                src=base + (first - before) * stride,
                dst=base + (first - slide.base) * stride,
                floats=(stop - first) * stride,
                arena_floats=floats,
            )
            self.add(position, (step,))
        for first, stop in slide.clear:
            step = move(
                src=None,
                dst=base + (first - slide.base) * stride,
                floats=(stop - first) * stride,
                arena_floats=floats,
            )
            self.add(position, (step,))
