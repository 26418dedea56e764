"""Which layouts a slot may have: those that some reader wants.

Belongs here: cutting the search space before anything is timed. Does not
belong here: any cost.
"""

from collections.abc import Mapping

from workbench.engine.candidates import TABLE, Form
from workbench.engine.candidates.base import UNSPLIT
from workbench.engine.graph import Graph, Node
from workbench.engine.layout import KINDS
from workbench.engine.slots import Slots

ANYWHERE = ("planes", "strips")
"""For slots whose readers take everything alike."""


def slot_kinds(graph: Graph, slots: Slots) -> Mapping[str, tuple[str, ...]]:
    """Return the layout kinds that are worth considering for each slot.

    Parameters
    ----------
    graph : Graph
        Simplified.
    slots : Slots

    Returns
    -------
    mapping of str to tuple of str
        At least one kind each, that every writer of the slot can write.
    """
    shapes = {node.id: node.shape for node in graph}
    wished: dict[str, set[str]] = {slot: set() for slot in slots.shapes}
    writable: dict[str, set[str]] = {slot: set(KINDS) for slot in slots.shapes}
    for node in graph:
        inputs = [shapes[name] for name in node.inputs]
        if node.inputs:
            forms = _forms(node, inputs)
            if not forms >= set(UNSPLIT):
                slot = slots.parts[node.inputs[0]].slot
                wished[slot] |= {form.kind for form in forms}
        writers = [c for c in TABLE if node.op in c.ops]
        if writers and slots.parts[node.id].slot in writable:
            able = {k for c in writers for k in c.targets(node, Form("planes"))}
            writable[slots.parts[node.id].slot] &= able
    return {
        slot: tuple(
            kind
            for kind in KINDS
            if kind in writable[slot] and kind in (wished[slot] or ANYWHERE)
        )
        or tuple(kind for kind in KINDS if kind in writable[slot])
        for slot in slots.shapes
    }


def _forms(node: Node, inputs: list[tuple[int, ...]]) -> set[Form]:
    return {
        form
        for candidate in TABLE
        if node.op in candidate.ops and candidate.reject(node, inputs) is None
        for form in candidate.forms(node, inputs)
    }
