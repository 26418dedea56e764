"""Graph in, program out."""

import os
from contextlib import nullcontext
from math import prod
from pathlib import Path
from typing import Literal

from workbench.engine.graph.graph import Graph
from workbench.engine.graph.passes import simplify
from workbench.engine.graph.weights import dense_macs, is_weighted
from workbench.engine.lowering.lower import PlanMisfit
from workbench.engine.planning.costs import ModelCosts
from workbench.engine.planning.plan import ExecutionPlan
from workbench.engine.planning.plan_cache import PlanCache
from workbench.engine.planning.select import select
from workbench.engine.planning.slots import Slots, find_slots
from workbench.engine.planning.timing_cache import TimingCache, default_cache
from workbench.engine.program import Program
from workbench.engine.tuning.measured_costs import Budget, MeasuredCosts, measure_costs
from workbench.engine.tuning.try_bands import band
from workbench.engine.tuning.try_kernels import refine
from workbench.engine.tuning.try_layouts import relayout
from workbench.engine.tuning.try_threads import with_fewer
from workbench.engine.tuning.tuned import Tuned
from workbench.errors import WorkbenchError
from workbench.kernels import KernelError, info
from workbench.kernels.executor import check_threads
from workbench.kernels.steps.generated import without_generated

Tune = Literal["measure", "model"]

BUDGET_S = 16.0
"""Seconds until the plan is found unless told otherwise. ResNet-50 needs them all: with
its capture before, the trial that is under way at the end, and packing after it, it is
ready in less than 20."""

BUDGET_S_PER_GMAC = 1.5
"""Larger networks take longer to run, and so to try: VGG-16 needs 23 s."""


def compile_graph(
    graph: Graph,
    *,
    threads: int = 1,
    tune: Tune = "measure",
    budget_s: float | None = None,
    generated: bool = True,
    cache: Path | None = None,
) -> Program:
    """Return a program that computes what the graph says.

    Parameters
    ----------
    graph : Graph
        As captured.
    threads : int
        Threads that share each step.
    tune : str
        ``measure`` times the candidates of every layer on this machine; ``model``
        starts at once on a cost model, and stands in where the compiled kernels
        are missing.
    budget_s : float, optional
        Seconds that finding a plan may take; `default_budget` if not given.
    generated : bool
        False leaves out code written for the layer's mask: data-driven kernels alone.
    cache : Path, optional
        Folder of times measured before; `timings.default_cache` if not given.

    Returns
    -------
    Program

    Raises
    ------
    WorkbenchError
        A graph the engine cannot run, an impossible number of threads, or a budget
        below zero.
    """
    check_threads(threads)
    seconds = default_budget(graph) if budget_s is None else budget_s
    if not seconds >= 0:
        raise WorkbenchError(
            f"a budget of {seconds} s",
            "zero seconds or more",
            "Pass the seconds that finding a plan may take, or leave it out.",
        )
    tuning = Budget(seconds, cache or default_cache())
    check_memory(graph)
    simple = simplify(graph)
    with nullcontext() if generated else without_generated():
        if tune == "model" or not info().native:
            costs = ModelCosts(simple, threads)
            return Program(simple, select(simple, find_slots(simple), costs, threads))
        try:
            return Program(simple, _tuned(simple, threads, tuning))
        except (KernelError, PlanMisfit):
            # Caches may name what kernels refuse; what is measured now does not.
            folder = tuning.cache or default_cache()
            PlanCache(folder, simple, threads).forget()
            TimingCache(folder, threads).forget()
            return Program(simple, _tuned(simple, threads, tuning))


def check_memory(graph: Graph) -> None:
    """Refuse what cannot fit: a layer's tensors are all in memory while it runs."""
    try:
        held = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return
    floats = {node.id: prod(node.shape) for node in graph}
    for node in graph:
        needed = 4 * (floats[node.id] + sum(floats[n] for n in set(node.inputs)))
        if node.inputs and needed > held:
            raise WorkbenchError(
                f"layer {node.id!r} with tensors of {needed / 2**30:.1f} GiB",
                f"less than the {held / 2**30:.1f} GiB of this machine",
                "Use smaller images, or a machine with more memory.",
            )


def default_budget(graph: Graph) -> float:
    """Return the seconds that finding a plan may take: more for large networks."""
    macs = sum(dense_macs(node) for node in graph if is_weighted(node))
    return max(BUDGET_S, BUDGET_S_PER_GMAC * macs / 1e9)


def _tuned(graph: Graph, threads: int, tuning: Budget) -> ExecutionPlan:
    """Return the plan found before, or the best that measuring finds in time."""
    folder = tuning.cache or default_cache()
    known = PlanCache(folder, graph, threads)
    plan = known.load()
    if plan is not None:
        return plan
    slots = find_slots(graph)
    costs = measure_costs(graph, slots, threads=threads, tuning=tuning)
    found = search(graph, slots, costs, threads)
    costs.save()
    plan = with_fewer(
        found, lambda few: _tuned(graph, few, Budget(tuning.left_s, tuning.cache))
    )
    if not costs.over:
        known.save(plan)
    return plan


def search(graph: Graph, slots: Slots, costs: MeasuredCosts, threads: int) -> Tuned:
    """Return the best plan that measuring finds: kernels alone, then whole programs."""
    alone = Tuned(graph, slots, costs, select(graph, slots, costs, threads))
    return relayout(refine(band(alone)))
