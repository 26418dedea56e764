"""Which layouts a slot may have: those that some reader wants.

Belongs here: cutting the search space before anything is timed. Does not
belong here: any cost.
"""

from collections.abc import Mapping, Sequence

from workbench.engine.candidates import TABLE, Form
from workbench.engine.candidates.base import UNSPLIT
from workbench.engine.graph.array_ops import ARRAYS
from workbench.engine.graph.graph import Graph, Node
from workbench.engine.layout.layout import KINDS
from workbench.engine.planning.slots import Slots

ANYWHERE = ("planes", "strips")
"""For slots whose readers take everything alike."""


def slot_forms(graph: Graph, slots: Slots) -> Mapping[str, tuple[Form, ...]]:
    """Return the forms that are worth considering for each slot.

    Parameters
    ----------
    graph : Graph
        Simplified.
    slots : Slots

    Returns
    -------
    mapping of str to tuple of Form
        At least one unsplit form each, that every writer of the slot can write;
        split forms where every reader can take them.
    """
    shapes = {node.id: node.shape for node in graph}
    wanted: dict[str, set[str]] = {slot: set() for slot in slots.shapes}
    writable: dict[str, set[str]] = {slot: set(KINDS) for slot in slots.shapes}
    for node in graph:
        inputs = [shapes[name] for name in node.inputs]
        if node.inputs:
            forms = _forms(node, inputs)
            if not forms >= set(UNSPLIT):
                # Array operations want all of their operands alike.
                read = node.inputs if node.op in ARRAYS else node.inputs[:1]
                for name in read:
                    wanted[slots.parts[name].slot] |= {form.kind for form in forms}
        writers = [c for c in TABLE if node.op in c.ops]
        if writers and slots.parts[node.id].slot in writable:
            able = {k for c in writers for k in c.targets(node, Form("planes"))}
            writable[slots.parts[node.id].slot] &= able
    kinds = {
        slot: [k for k in KINDS if k in able and k in (wanted[slot] or ANYWHERE)]
        or [k for k in KINDS if k in able]
        for slot, able in writable.items()
    }
    members: dict[str, list[str]] = {slot: [] for slot in slots.shapes}
    for name, part in slots.parts.items():
        members[part.slot].append(name)
    readers = graph.consumers()
    return {
        slot: (
            *map(Form, found),
            *(
                _split_forms([graph.node(name) for name in readers[slot]], shapes, slot)
                if members[slot] == [slot] and slot not in graph.outputs
                else ()
            ),
        )
        for slot, found in kinds.items()
    }


def _split_forms(
    readers: Sequence[Node], shapes: Mapping[str, tuple[int, ...]], slot: str
) -> tuple[Form, ...]:
    """Return the split forms that every reader of a slot can take."""
    common: set[Form] | None = None
    for node in readers:
        first = node.inputs[0] == slot and node.inputs.count(slot) == 1
        inputs = [shapes[name] for name in node.inputs]
        forms = _forms(node, inputs) if first else set()
        common = forms if common is None else common & forms
    return tuple(sorted(form for form in common or () if form.split > 1))


def _forms(node: Node, inputs: list[tuple[int, ...]]) -> set[Form]:
    return {
        form
        for candidate in TABLE
        if node.op in candidate.ops and candidate.reject(node, inputs) is None
        for form in candidate.forms(node, inputs)
    }
