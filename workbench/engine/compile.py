"""Graph in, program out."""

from pathlib import Path
from typing import Literal

from workbench.engine.costs import ModelCosts
from workbench.engine.graph import Graph
from workbench.engine.passes import simplify
from workbench.engine.plans import PlanCache
from workbench.engine.program import Program
from workbench.engine.refine import refine
from workbench.engine.select import select
from workbench.engine.slots import find_slots
from workbench.engine.timings import default_cache
from workbench.engine.tune import MeasuredCosts, Tuning
from workbench.errors import WorkbenchError
from workbench.kernels import info

Tune = Literal["measure", "model"]


def compile_graph(
    graph: Graph,
    *,
    threads: int = 1,
    tune: Tune = "measure",
    budget_s: float = 20.0,
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
    budget_s : float
        Seconds that measuring may take.
    cache : Path, optional
        Folder of times measured before; `timings.default_cache` if not given.

    Returns
    -------
    Program

    Raises
    ------
    WorkbenchError
        A graph the engine cannot run, or fewer than one thread.
    """
    if threads < 1:
        raise WorkbenchError(
            f"threads={threads}",
            "one thread or more",
            "Pass the number of cores that the program may use.",
        )
    simple = simplify(graph)
    slots = find_slots(simple)
    if tune == "model" or not info().native:
        return Program(
            simple, select(simple, slots, ModelCosts(simple, threads), threads)
        )
    folder = cache or default_cache()
    known = PlanCache(folder, simple, threads)
    plan = known.load()
    if plan is None:
        tuning = Tuning(budget_s, folder)
        costs = MeasuredCosts(simple, slots, threads=threads, tuning=tuning)
        plan = refine(simple, slots, select(simple, slots, costs, threads), costs)
        costs.save()
        if not costs.over:
            known.save(plan)
    return Program(simple, plan)
