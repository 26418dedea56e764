"""Layouts tried inside the whole program: a slot's second choice, where it came close.

Belongs here: exchanging the layout of equal slots and keeping what is faster in place.
A kernel timed alone finds its input where a writer of its own has just put it, and
nobody reads what it writes; two layouts whose sums of such times are close may turn.
Does not belong here: kernels for layouts that stay (`refine`) and the search over all
layouts (`select`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from workbench.engine.candidates import Form
from workbench.engine.graph.graph import Graph, Node
from workbench.engine.lowering.sliding_buffers import SLIDING
from workbench.engine.planning.plan import ExecutionPlan
from workbench.engine.planning.select import select
from workbench.engine.planning.slots import Slots
from workbench.engine.tuning.duel import TimedProgram, faster
from workbench.engine.tuning.try_bands import inside_bands
from workbench.engine.tuning.tuned import Tuned

CLOSE = 1.15
"""Layouts that make the layers around a slot this much slower, as timed alone, are not
tried."""

GAIN = 0.98
"""The layers around must be this much faster in place: ties keep the plan."""


def relayout(tuned: Tuned) -> Tuned:
    """Return the network with layouts that are faster inside the program.

    Parameters
    ----------
    tuned : Tuned
        With a plan from `select` or `band`.

    Returns
    -------
    Tuned
        Equal bands; other layouts, and kernels for them, where that won.
    """
    graph, slots, plan = tuned.graph, tuned.slots, tuned.plan
    costs = tuned.costs
    inner = inside_bands(graph, slots, plan)
    holder: TimedProgram | None = None
    for group in _equal_slots(graph, slots, plan):
        around = _around(graph, slots, group)
        for form in costs.forms[group[0]]:
            slides = form.kind in SLIDING or not inner.intersection(group)
            if costs.over or form == plan.forms[group[0]] or not slides:
                continue
            other = _with(tuned.with_plan(plan), dict.fromkeys(group, form))
            if _expected(other, around) > CLOSE * _expected(plan, around):
                continue
            holder = holder or tuned.program()
            challenger = tuned.program(other)
            if faster([challenger, holder], GAIN, around):
                plan, holder = other, challenger
    return tuned.with_plan(plan)


def _equal_slots(graph: Graph, slots: Slots, plan: ExecutionPlan) -> list[list[str]]:
    """Return slots between equal layers in equal layouts; most time comes first."""
    groups: dict[object, list[str]] = {}
    for slot in plan.forms:
        touching = sorted(_kind(graph.node(n)) for n in _around(graph, slots, [slot]))
        key = (slots.shapes[slot], plan.forms[slot], tuple(touching))
        groups.setdefault(key, []).append(slot)

    def weight(group: Sequence[str]) -> float:
        return _expected(plan, _around(graph, slots, group))

    return sorted(groups.values(), key=weight, reverse=True)


def _kind(node: Node) -> str:
    """Return what makes two layers equal apart from their weights and names."""
    shapes = {name: array.shape for name, array in node.params.items()}
    return repr((node.op, node.shape, dict(node.attrs), shapes, len(node.inputs)))


def _around(graph: Graph, slots: Slots, group: Sequence[str]) -> set[str]:
    """Return the nodes that write or read one of these slots."""
    touched = {name for name, part in slots.parts.items() if part.slot in group}
    return {
        node.id
        for node in graph
        if node.id in touched or not touched.isdisjoint(node.inputs)
    }


def _expected(plan: ExecutionPlan, nodes: set[str]) -> float:
    """Return the time of some nodes as timed alone."""
    return sum(plan.choices[name].ms for name in nodes if name in plan.choices)


def _with(tuned: Tuned, changes: Mapping[str, Form]) -> ExecutionPlan:
    """Return the plan with other forms for some slots and the best kernels for them.

    Kernels of layers that touch none of these slots stay as they are.
    """
    graph, slots, plan = tuned.graph, tuned.slots, tuned.plan
    forms = {slot: (form,) for slot, form in {**plan.forms, **changes}.items()}
    fresh = select(graph, slots, tuned.costs, plan.threads, forms)
    touched = _around(graph, slots, list(changes))
    kept = {name: c for name, c in plan.choices.items() if name not in touched}
    return replace(fresh, choices={**fresh.choices, **kept}, bands=plan.bands)
