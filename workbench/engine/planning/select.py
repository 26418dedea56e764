"""The fastest plan over the whole graph, layout changes included.

Belongs here: turning options and copy costs into cost tables and the best
combination into a plan. Does not belong here: times (`costs`, `tune`).
"""

from collections.abc import Mapping, Sequence
from math import inf

import numpy as np

from workbench.engine.candidates import Form
from workbench.engine.graph.graph import INPUT, Graph, Node
from workbench.engine.planning.costs import Costs, Option
from workbench.engine.planning.eliminate import Factor, minimise
from workbench.engine.planning.layout_choices import slot_forms
from workbench.engine.planning.plan import (
    Choice,
    ExecutionPlan,
    Rejection,
    kernels_here,
    label,
)
from workbench.engine.planning.slots import Slots, is_view

MOVING = ("slice", "concat", INPUT)
"""Nodes without a kernel of their own."""

UNREACHABLE_MS = 1e9
"""Stands for infinity in tables, so that sums stay comparable."""

NO_COPY = Form("tight")
"""Stands for a phase-split copy that nobody reads: it is not made."""

SLOWER = "slower"
SLOWER_WITH_LAYOUTS = "faster alone, slower with the layout changes it needs"

KEPT_REJECTIONS = 24
"""Slower options that a report lists for each node."""


def select(
    graph: Graph,
    slots: Slots,
    costs: Costs,
    threads: int,
    forms: Mapping[str, tuple[Form, ...]] | None = None,
) -> ExecutionPlan:
    """Return the plan with the least expected time.

    Parameters
    ----------
    graph : Graph
        Simplified.
    slots : Slots
        Of the graph.
    costs : Costs
        Modelled or measured.
    threads : int
        What the costs were made for.
    forms : mapping of str to tuple of Form, optional
        The forms that each slot may have; `slot_forms` if not given.

    Returns
    -------
    ExecutionPlan
    """
    chooser = _Chooser(graph, slots, costs)
    allowed = slot_forms(graph, slots) if forms is None else forms
    domains = {**allowed, **chooser.split_domains()}
    factors = [f for node in graph for f in chooser.factors(node, domains)]
    factors += [chooser.split_factor(name, domains) for name in chooser.split_values]
    picked = minimise(factors, {name: len(d) for name, d in domains.items()})
    chosen = {name: domains[name][index] for name, index in picked.items()}
    choices = {
        node.id: chooser.choice(node, chosen)
        for node in graph
        if node.op not in MOVING and not chooser.is_view(node)
    }
    return ExecutionPlan(
        {slot: chosen[slot] for slot in slots.shapes}, choices, threads, kernels_here()
    )


def split_name(value: str) -> str:
    """Return the variable for the form of a value's phase-split copy."""
    return f"{value} split"


class _Chooser:
    def __init__(self, graph: Graph, slots: Slots, costs: Costs) -> None:
        self._slots, self._costs, self._graph = slots, costs, graph
        self._shapes = {node.id: node.shape for node in graph}
        self._options = {
            node.id: tuple(costs.options(node))
            for node in graph
            if node.op not in MOVING and not self.is_view(node)
        }

        self.split_values = tuple(
            dict.fromkeys(
                node.inputs[0]
                for node in graph
                if any(o.form.split > 1 for o in self._options.get(node.id, ()))
            )
        )

    def split_domains(self) -> dict[str, tuple[Form, ...]]:
        """Return the forms a value's one phase-split copy may have, or none."""
        found: dict[str, set[Form]] = {name: set() for name in self.split_values}
        for node in self._graph:
            for option in self._options.get(node.id, ()):
                if option.form.split > 1:
                    found[node.inputs[0]].add(option.form)
        return {
            split_name(name): (NO_COPY, *sorted(forms)) for name, forms in found.items()
        }

    def split_factor(
        self, name: str, domains: Mapping[str, tuple[Form, ...]]
    ) -> Factor:
        """Return the cost of the copy: once, however many layers read it."""
        slot = self._slots.parts[name].slot
        table = np.array(
            [
                [
                    0.0
                    if form == NO_COPY
                    else min(self._copy(name, stored, form), UNREACHABLE_MS)
                    for form in domains[split_name(name)]
                ]
                for stored in domains[slot]
            ]
        )
        return Factor((slot, split_name(name)), table)

    def is_view(self, node: Node) -> bool:
        """Say whether a node only renames memory."""
        return is_view(node, self._slots.parts)

    def factors(
        self, node: Node, domains: Mapping[str, tuple[Form, ...]]
    ) -> Sequence[Factor]:
        """Return the cost table of a node over the slots it touches."""
        if node.op in (INPUT, "slice") or self.is_view(node):
            return ()
        touched = [self._slots.parts[n].slot for n in (*node.inputs, node.id)]
        if node.inputs[0] in self.split_values and node.op != "concat":
            touched.append(split_name(node.inputs[0]))
        names = tuple(dict.fromkeys(touched))
        table = np.empty([len(domains[n]) for n in names])
        for index in np.ndindex(*table.shape):
            forms = {n: domains[n][i] for n, i in zip(names, index, strict=True)}
            table[index] = min(self.cost(node, forms), UNREACHABLE_MS)
        return (Factor(names, table),)

    def cost(self, node: Node, forms: Mapping[str, Form]) -> float:
        """Return the time of a node when its slots have these forms."""
        parts = self._slots.parts
        target = forms[parts[node.id].slot]
        if node.op == "concat":
            return sum(
                self._copy(name, forms[parts[name].slot], target)
                for name in node.inputs
                if parts[name].slot != parts[node.id].slot
            )
        option = self.best(node, forms)
        if option is None:
            return inf
        total = self._reach(node, option, forms)
        total += option.cost(target)
        for name in node.inputs[1:]:
            other = forms[parts[name].slot]
            total += self._copy(name, other, target)
        return total

    def _copy(self, name: str, source: Form, target: Form) -> float:
        return self._costs.copy_ms(self._shapes[name], source, target)

    def _reach(self, node: Node, option: Option, forms: Mapping[str, Form]) -> float:
        """Return the time until the first input has the form of an option."""
        name = node.inputs[0]
        if option.form.split > 1:
            return 0.0 if forms[split_name(name)] == option.form else inf
        return self._copy(name, forms[self._slots.parts[name].slot], option.form)

    def best(self, node: Node, forms: Mapping[str, Form]) -> Option | None:
        """Return the fastest option of a node when its slots have these forms."""
        parts = self._slots.parts
        target = forms[parts[node.id].slot]
        reachable = [
            (self._reach(node, o, forms) + o.cost(target), i)
            for i, o in enumerate(self._options[node.id])
        ]
        ms, index = min(reachable)
        return self._options[node.id][index] if ms < inf else None

    def choice(self, node: Node, forms: Mapping[str, Form]) -> Choice:
        """Return what the plan says about a node."""
        option = self.best(node, forms)
        if option is None:
            raise AssertionError(f"no reachable option for {node.id}")
        target = forms[self._slots.parts[node.id].slot]
        ms = option.cost(target)
        others = [
            (
                o.cost(target),
                label(o.candidate.name, o.variant, o.form),
                o.candidate.name,
            )
            for o in self._options[node.id]
            if o is not option and o.cost(target) < inf
        ]
        rejected = [
            Rejection(name, SLOWER if cost >= ms else SLOWER_WITH_LAYOUTS, cost)
            for cost, name in worth_telling(others)
        ]
        rejected += self._costs.rejected(node)
        return Choice(
            option.candidate.name,
            option.form,
            option.variant,
            ms,
            option.measured,
            tuple(rejected),
        )


def worth_telling(
    others: Sequence[tuple[float, str, str]], most: int = KEPT_REJECTIONS
) -> list[tuple[float, str]]:
    """Return cost and label of the options to tell of, the fastest first.

    The best variant of every kernel is among them, however slow; the fastest of the
    rest fill up to ``most``.

    Parameters
    ----------
    others : sequence of (float, str, str)
        Cost, label, and kernel of every option that was not taken.
    most : int
        How many, unless there are more kernels.

    Examples
    --------
    >>> worth_telling([(1.0, "w a", "w"), (2.0, "w b", "w"), (9.0, "d", "d")], 2)
    [(1.0, 'w a'), (9.0, 'd')]
    """
    ranked = sorted(others)
    best: dict[str, tuple[float, str, str]] = {}
    for one in ranked:
        best.setdefault(one[2], one)
    rest = [one for one in ranked if best[one[2]] is not one]
    room = max(most - len(best), 0)
    return [one[:2] for one in sorted([*best.values(), *rest[:room]])]
