"""From a plan to tasks: every step with the tensors it reads and writes.

Belongs here: inserting layout copies where a reader wants another form than
the tensor is stored in. Does not belong here: addresses (`arena`) and kernel
arguments (`candidates`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import prod

from workbench.engine.candidates import Form
from workbench.engine.graph.array_ops import ARRAYS
from workbench.engine.graph.graph import INPUT, Graph, Node
from workbench.engine.graph.ops import CONVOLUTIONS
from workbench.engine.layout.layout import Layout
from workbench.engine.planning.plan import ExecutionPlan
from workbench.engine.planning.slots import Slots, is_view

NO_STEP = ("slice",)


@dataclass(frozen=True)
class Tensor:
    """Channels of a buffer; a buffer is one allocation of the arena."""

    buffer: str
    layout: Layout
    first: int
    channels: int


@dataclass(frozen=True)
class Task:
    """One entry of the program before it has addresses.

    Parameters
    ----------
    kind : str
        load, node, copy or store.
    node : Node
        The node computed, or the one whose tensor is moved.
    inputs : tuple of Tensor
    output : Tensor or None
        None for a store.
    offset : int
        Of a load or store: floats of the caller's row before this tensor.
    """

    kind: str
    node: Node
    inputs: tuple[Tensor, ...]
    output: Tensor | None
    offset: int = 0


@dataclass
class _Scheduler:
    graph: Graph
    slots: Slots
    plan: ExecutionPlan
    tasks: list[Task] = field(default_factory=list)
    copies: dict[tuple[str, Layout], Tensor] = field(default_factory=dict)

    def stored(self, name: str) -> Tensor:
        """Return the tensor of a value as its producer writes it."""
        part = self.slots.parts[name]
        form = self.plan.forms[part.slot]
        layout = self.slots.layout(part.slot, form)
        if form.split > 1:
            return Tensor(part.slot, layout, 0, layout.channels)
        return Tensor(part.slot, layout, part.first, part.channels)

    def wanted(self, name: str, form: Form) -> Tensor:
        """Return a value in a form, copied if it is not stored so."""
        stored = self.stored(name)
        part = self.slots.parts[name]
        if self.plan.forms[part.slot] == form:
            return stored
        return self.copy(name, self.slots.layout(part.slot, form, part.channels))

    def copy(self, name: str, layout: Layout) -> Tensor:
        """Return a copy of a value in a layout, made once and shared."""
        key = (name, layout)
        if key not in self.copies:
            tensor = Tensor(f"{name}~{len(self.copies)}", layout, 0, layout.channels)
            self.copies[key] = tensor
            node = self.graph.node(name)
            self.tasks.append(Task("copy", node, (self.stored(name),), tensor))
        return self.copies[key]

    def like(self, name: str, target: Tensor) -> Tensor:
        """Return a value stored so that target addresses also fit it."""
        stored = self.stored(name)
        if addresses_match(stored.layout, target.layout):
            return stored
        part = self.slots.parts[name]
        form = Form(target.layout.kind, target.layout.split)
        layout = self.slots.layout(part.slot, form, part.channels)
        if not addresses_match(layout, target.layout):
            layout = target.layout
        copy = self.copy(name, layout)
        return Tensor(copy.buffer, copy.layout, 0, target.channels)

    def compute(self, node: Node) -> None:
        """Append the task of a node, and the copies it needs before."""
        target = self.stored(node.id)
        if node.op == "concat":
            self._gather(node)
            return
        choice = self.plan.choices[node.id]
        inputs = [self.wanted(node.inputs[0], choice.form)]
        for name in node.inputs[1:]:
            if node.op in ARRAYS:
                inputs.append(self.wanted(name, choice.form))
            elif node.op in CONVOLUTIONS:
                inputs.append(self.like(name, target))
            else:
                inputs.append(self.stored(name))
        self.tasks.append(Task("node", node, tuple(inputs), target))

    def _gather(self, node: Node) -> None:
        whole, first = self.stored(node.id), 0
        for name in node.inputs:
            part = self.slots.parts[name]
            mine = self.slots.parts[node.id]
            inside = part.slot == mine.slot and part.first == mine.first + first
            place = Tensor(
                whole.buffer, whole.layout, whole.first + first, part.channels
            )
            if not inside:
                source = self.stored(name)
                self.tasks.append(Task("copy", self.graph.node(name), (source,), place))
            first += part.channels


def addresses_match(one: Layout, other: Layout) -> bool:
    """Say whether pixels of two layouts have equal offsets and channel strides."""
    return (
        one.kind == other.kind
        and one.border == other.border
        and one.channel_stride == other.channel_stride
        and one.row_stride == other.row_stride
        and one.split == other.split
        and (one.height, one.width) == (other.height, other.width)
    )


def make_schedule(graph: Graph, slots: Slots, plan: ExecutionPlan) -> tuple[Task, ...]:
    """Return the tasks of a program in execution order.

    Parameters
    ----------
    graph : Graph
        Simplified.
    slots : Slots
    plan : ExecutionPlan
        A choice for every computing node and a form for every slot.

    Returns
    -------
    tuple of Task
        From the loads of the inputs to the stores of the results.
    """
    scheduler = _Scheduler(graph, slots, plan)
    read = written = 0
    for node in graph:
        if node.op == INPUT:
            target = scheduler.stored(node.id)
            scheduler.tasks.append(Task("load", node, (), target, read))
            read += prod(node.shape)
        elif node.op not in NO_STEP and not is_view(node, slots.parts):
            scheduler.compute(node)
    for name in graph.outputs:
        result, source = graph.node(name), scheduler.stored(name)
        scheduler.tasks.append(Task("store", result, (source,), None, written))
        written += prod(result.shape)
    return tuple(scheduler.tasks)


def live_ranges(
    tasks: Sequence[Task], spans: Sequence[tuple[int, int]] = ()
) -> dict[str, tuple[Layout, int, int]]:
    """Return for each buffer its layout and the first and last task using it.

    Parameters
    ----------
    tasks : sequence of Task
    spans : sequence of tuple of int
        First and last position of tasks that run together: what one of them uses is
        in use during all of them.
    """
    ranges: dict[str, tuple[Layout, int, int]] = {}
    for place, task in enumerate(tasks):
        span = next((s for s in spans if s[0] <= place <= s[1]), (place, place))
        touched: Iterable[Tensor] = task.inputs
        if task.output is not None:
            touched = (*task.inputs, task.output)
        for tensor in touched:
            first = ranges.get(tensor.buffer, (tensor.layout, span[0], span[0]))[1]
            ranges[tensor.buffer] = (tensor.layout, first, span[1])
    return ranges
