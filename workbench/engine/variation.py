"""A tuned network, and programs of it in which a few layers have other weights.

Layers that did not change keep their kernels, layouts and times; only what changed is
tuned: alone first, then the runners-up inside the whole program. The rest of the
network is neither timed nor chosen again, which makes a variation many times cheaper
than compiling it from nothing.

Belongs here: telling what changed, and the plan of a variation. Does not belong here:
tuning itself (`tuning`).
"""

from pathlib import Path

import numpy as np

from workbench.engine.compile import compile_graph, default_budget, search
from workbench.engine.graph.graph import Graph, Node
from workbench.engine.graph.passes import simplify
from workbench.engine.planning.plan import ExecutionPlan
from workbench.engine.planning.plan_cache import PlanCache
from workbench.engine.planning.select import select
from workbench.engine.planning.slots import find_slots
from workbench.engine.planning.timing_cache import default_cache
from workbench.engine.program import Program
from workbench.engine.tuning.measured_costs import Budget, MeasuredCosts, measure_costs
from workbench.engine.tuning.try_kernels import refine
from workbench.engine.tuning.tuned import Tuned

SAVED_EVERY = 20
"""Variations after which new times are written to the cache."""


def tune_variations(
    graph: Graph,
    *,
    threads: int = 1,
    budget_s: float | None = None,
    cache: Path | None = None,
) -> "Variations":
    """Tune a network; return what compiles variations of it.

    Parameters
    ----------
    graph : Graph
        As captured.
    threads : int
        Threads that share each step.
    budget_s : float, optional
        Seconds that finding a plan may take, for the network and for each variation;
        `compile.default_budget` if not given.
    cache : Path, optional
        Folder of times measured before; `timing_cache.default_cache` if not given.
    """
    budget = default_budget(graph) if budget_s is None else budget_s
    folder, simple = cache or default_cache(), simplify(graph)
    slots = find_slots(simple)
    costs = measure_costs(simple, slots, threads=threads, tuning=Budget(budget, folder))
    known = PlanCache(folder, simple, threads)
    plan = known.load()
    if plan is not None:
        return Variations(Tuned(simple, slots, costs, plan), threads, budget, folder)
    tuned = search(simple, slots, costs, threads)
    costs.save()
    if not costs.over:
        known.save(tuned.plan)
    return Variations(tuned, threads, budget, folder)


class Variations:
    """What compiles variations of a tuned network; ``tune_variations`` makes one.

    Parameters
    ----------
    tuned : Tuned
        The network.
    threads : int
        Threads that share each step.
    budget_s : float
        Seconds that finding the plan of a variation may take.
    cache : Path
        Folder of times measured before.
    """

    def __init__(
        self, tuned: Tuned, threads: int, budget_s: float, cache: Path
    ) -> None:
        self._threads, self._budget, self._cache = threads, budget_s, cache
        self._graph, self._slots = tuned.graph, tuned.slots
        self._plan, self._costs = tuned.plan, tuned.costs
        self._nodes = {node.id: node for node in tuned.graph}
        self._made = 0
        self.base = Program(tuned.graph, tuned.plan)

    def program(self, graph: Graph) -> Program:
        """Return the program of a variation.

        Parameters
        ----------
        graph : Graph
            As captured. Where it differs in more than weights, or where changed layers
            run in bands of rows, it is compiled from nothing.
        """
        simple = self._sharing(simplify(graph))
        changed = {node.id for node in simple if self._nodes.get(node.id) is not node}
        if not self._alike(simple) or self._in_bands(changed):
            return compile_graph(
                graph, threads=self._threads, budget_s=self._budget, cache=self._cache
            )
        if not changed:
            return Program(simple, self._plan)
        costs = self._measured(simple)
        plan = self._merged(simple, self._chosen(simple, changed, costs), changed)
        tuned = refine(Tuned(simple, self._slots, costs, plan), only=changed)
        self._made += 1
        if self._made % SAVED_EVERY == 0:
            costs.save()
        return Program(simple, tuned.plan)

    def _measured(self, graph: Graph) -> MeasuredCosts:
        tuning = Budget(self._budget, self._cache)
        return measure_costs(
            graph, self._slots, threads=self._threads, tuning=tuning, known=self._costs
        )

    def _sharing(self, graph: Graph) -> Graph:
        """Return the graph with our own nodes wherever nothing differs."""
        nodes = tuple(
            mine if mine is not None and _equal(mine, node) else node
            for node in graph
            for mine in (self._nodes.get(node.id),)
        )
        return graph.but(nodes, graph.outputs)

    def _alike(self, graph: Graph) -> bool:
        """Say whether only numbers differ, and layers find the padding they need."""
        if graph.outputs != self._graph.outputs:
            return False
        if [_form(node) for node in graph] != [_form(node) for node in self._graph]:
            return False
        return find_slots(graph).pads == self._slots.pads

    def _in_bands(self, changed: set[str]) -> bool:
        names = [node.id for node in self._graph]
        return any(
            changed & {*names[names.index(b.first) : names.index(b.last) + 1]}
            for b in self._plan.bands
        )

    def _chosen(
        self, graph: Graph, changed: set[str], costs: MeasuredCosts
    ) -> ExecutionPlan:
        """Return the best plan whose layouts only change beside changed layers."""
        parts = self._slots.parts
        free = {
            parts[name].slot
            for node in graph
            if node.id in changed
            for name in (*node.inputs, node.id)
        }
        inside = {parts[n].slot for b in self._plan.bands for n in (b.first, b.last)}
        forms = {
            slot: allowed if slot in free - inside else (self._plan.forms[slot],)
            for slot, allowed in costs.forms.items()
        }
        return select(graph, self._slots, costs, self._threads, forms)

    def _merged(
        self, graph: Graph, chosen: ExecutionPlan, changed: set[str]
    ) -> ExecutionPlan:
        """Return the chosen plan with our own kernels where nothing changed."""
        parts, mine = self._slots.parts, self._plan

        def kept(node: Node) -> bool:
            slots = {parts[name].slot for name in (*node.inputs, node.id)}
            return node.id not in changed and all(
                chosen.forms[slot] == mine.forms[slot] for slot in slots
            )

        own = {
            n.id: mine.choices[n.id] for n in graph if n.id in mine.choices and kept(n)
        }
        return ExecutionPlan(
            chosen.forms,
            {**chosen.choices, **own},
            chosen.threads,
            chosen.kernels,
            mine.bands,
            mine.used,
        )


def _form(node: Node) -> tuple[object, ...]:
    """Return all of a node but its numbers."""
    shapes = {name: array.shape for name, array in node.params.items()}
    return node.id, node.op, node.inputs, node.shape, dict(node.attrs), shapes


def _equal(one: Node, other: Node) -> bool:
    return _form(one) == _form(other) and all(
        np.array_equal(array, other.params[name]) for name, array in one.params.items()
    )
