"""Whether a plan that came from disk is one that this graph may run by.

Belongs here: each choice against what its candidate may do, layouts against what
readers and writers allow, and bands against what can be cut. Addresses are not stored:
they are planned anew from what passes here. Does not belong here: making plans
(`select`).
"""

from workbench.engine.candidates.base import UNSPLIT
from workbench.engine.graph.graph import INPUT, Graph, Node
from workbench.engine.lowering.lower import BY_NAME
from workbench.engine.planning.costs import SPLIT_FORMS, writable_forms
from workbench.engine.planning.plan import Choice, ExecutionPlan
from workbench.engine.planning.select import MOVING
from workbench.engine.planning.slots import Slots, is_view
from workbench.engine.tuning.try_bands import DIVISIBLE

MOST_PARTS = 1 << 14
"""Steps that the bands of a plan may be cut into; those in use make some hundred."""


def misfit(graph: Graph, slots: Slots, plan: ExecutionPlan) -> str | None:
    """Return why a plan does not fit a graph, or None.

    Parameters
    ----------
    graph : Graph
        Simplified.
    slots : Slots
        Of the graph.
    plan : ExecutionPlan

    Returns
    -------
    str or None
        Two things are left to those who build steps, who have the weights at hand:
        `lower.build_task` asks whether a candidate may run them, and kernels refuse
        variants that they do not have.
    """
    if plan.forms.keys() != slots.shapes.keys():
        return "other tensors than the graph has"
    shapes = {node.id: node.shape for node in graph}
    computed = {
        node.id
        for node in graph
        if node.op not in MOVING and not is_view(node, slots.parts)
    }
    if plan.choices.keys() != computed:
        return "other layers than the graph computes"
    for slot, form in plan.forms.items():
        if form not in UNSPLIT and not _taken_split(graph, slots, plan, slot):
            return f"{slot!r} stored as {form}"
    for node in graph:
        if node.id not in computed:
            continue
        inputs = [shapes[name] for name in node.inputs]
        found = _wrong(node, inputs, slots, plan)
        if found is not None:
            return f"{node.id!r} {found}"
    return _wrong_bands(graph, plan)


def _taken_split(graph: Graph, slots: Slots, plan: ExecutionPlan, slot: str) -> bool:
    """Say whether every reader of a slot takes the split form that it has."""
    members = [name for name, part in slots.parts.items() if part.slot == slot]
    if plan.forms[slot] not in SPLIT_FORMS or members != [slot]:
        return False
    if slot in graph.outputs:
        return False
    return all(
        node.id in plan.choices
        and plan.choices[node.id].form == plan.forms[slot]
        and node.inputs[0] == slot
        and node.inputs.count(slot) == 1
        for node in graph
        if slot in node.inputs
    )


def _wrong(
    node: Node, inputs: list[tuple[int, ...]], slots: Slots, plan: ExecutionPlan
) -> str | None:
    """Return what a node's choice gets wrong."""
    choice: Choice = plan.choices[node.id]
    candidate = BY_NAME.get(choice.candidate)
    if candidate is None or node.op not in candidate.ops:
        return f"by a kernel {choice.candidate!r}"
    if choice.form not in candidate.forms(node, inputs):
        return f"by {choice.candidate} from {choice.form}"
    target = plan.forms[slots.parts[node.id].slot]
    if target not in writable_forms(candidate, node, choice.form):
        return f"by {choice.candidate} to {target}"
    return None


def _wrong_bands(graph: Graph, plan: ExecutionPlan) -> str | None:
    """Return what the bands of a plan get wrong."""
    nodes = list(graph)
    places = {node.id: place for place, node in enumerate(nodes)}
    taken: set[int] = set()
    parts = 0
    for band in plan.bands:
        if band.first not in places or band.last not in places:
            return "bands of layers that the graph does not have"
        span = range(places[band.first], places[band.last] + 1)
        if not span or not taken.isdisjoint(span):
            return f"bands that overlap at {band.first!r}"
        taken.update(span)
        for place in span:
            node = nodes[place]
            choice = plan.choices.get(node.id)
            if node.op != INPUT and (
                choice is None or choice.candidate not in DIVISIBLE
            ):
                return f"bands through {node.id!r}"
        height = (*nodes[span.start].shape, 1)[1]
        parts += -(-height // band.rows) * len(span)
        if parts > MOST_PARTS:
            return f"bands of {parts} parts"
    return None
