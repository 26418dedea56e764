"""From tasks to kernel steps with addresses.

Belongs here: binding operands and asking candidates to build. Does not belong
here: any arithmetic about one kernel.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.engine.arena import Arena, plan_arena
from workbench.engine.candidates import TABLE, Binding, Candidate, Operand
from workbench.engine.graph import Graph
from workbench.engine.plan import Plan
from workbench.engine.schedule import Task, Tensor, make_schedule
from workbench.engine.slots import Slots
from workbench.kernels import Step, convert, load_input, store_output

BY_NAME: Mapping[str, Candidate] = {candidate.name: candidate for candidate in TABLE}


@dataclass(frozen=True, eq=False)
class Lowered:
    """A program's steps: one group of kernel steps for each task."""

    tasks: tuple[Task, ...]
    groups: tuple[tuple[Step, ...], ...]
    arena: Arena

    @property
    def steps(self) -> tuple[Step, ...]:
        """All kernel steps in execution order."""
        return tuple(step for group in self.groups for step in group)


def lower(graph: Graph, slots: Slots, plan: Plan) -> Lowered:
    """Return the steps of a plan over one arena.

    Parameters
    ----------
    graph : Graph
        Simplified.
    slots : Slots
    plan : Plan
    """
    tasks = make_schedule(graph, slots, plan)
    arena = plan_arena(tasks)
    groups = tuple(tuple(build_task(task, plan, arena)) for task in tasks)
    return Lowered(tasks, groups, arena)


def operand(tensor: Tensor, arena: Arena) -> Operand:
    """Return a tensor with its address."""
    return Operand(
        arena.bases[tensor.buffer], tensor.layout, tensor.first, tensor.channels
    )


def build_task(task: Task, plan: Plan, arena: Arena) -> Sequence[Step]:
    """Return the kernel steps of one task."""
    inputs = tuple(operand(tensor, arena) for tensor in task.inputs)
    if task.output is None:
        return (store_output(geometry_in=inputs[0].geometry),)
    output = operand(task.output, arena)
    split = task.output.layout.split > 1
    if task.kind == "load":
        channels, height, width = (*task.node.shape, 1, 1)[:3]
        step = load_input(
            geometry_out=output.geometry,
            phase_split=split,
            size=(channels, height, width),
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
    binding = Binding(inputs, output, arena.floats)
    return BY_NAME[choice.candidate].build(task.node, binding, choice.variant)
