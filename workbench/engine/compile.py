"""Graph in, program out."""

from typing import Literal

from workbench.engine.costs import ModelCosts
from workbench.engine.graph import Graph
from workbench.engine.passes import simplify
from workbench.engine.program import Program
from workbench.engine.select import select
from workbench.engine.slots import find_slots

Tune = Literal["measure", "model"]


def compile_graph(graph: Graph, *, threads: int = 1, tune: Tune = "measure") -> Program:
    """Return a program that computes what the graph says.

    Parameters
    ----------
    graph : Graph
        As captured.
    threads : int
        Threads that share each step.
    tune : str
        ``measure`` times the candidates of every layer on this machine; ``model``
        starts at once on a cost model.

    Returns
    -------
    Program

    Raises
    ------
    WorkbenchError
        A graph the engine cannot run.
    """
    simple = simplify(graph)
    slots = find_slots(simple)
    plan = select(simple, slots, ModelCosts(simple, threads), threads)
    return Program(simple, plan)
