"""Finished plans on disk: a network that was tuned before starts at once.

Belongs here: the digest of what a plan depends on, and the cache of plans.
Weights' values do not matter, only which of them are zero.
"""

import hashlib
from pathlib import Path

import numpy as np

from workbench.engine.fits import misfit
from workbench.engine.graph.graph import Graph
from workbench.engine.graph.weights import is_weighted, nonzero_mask
from workbench.engine.planning.plan import ExecutionPlan, kernels_here
from workbench.engine.planning.slots import find_slots
from workbench.engine.planning.timing_cache import machine_key
from workbench.engine.stored.sealed import read_sealed, remove, write_sealed
from workbench.errors import WorkbenchError
from workbench.kernels.steps.generated import available


class PlanCache:
    """A folder of plans by network structure and machine.

    Parameters
    ----------
    folder : Path
    graph : Graph
        Simplified.
    threads : int
    """

    def __init__(self, folder: Path, graph: Graph, threads: int) -> None:
        kinds = "" if available().available else "-data-driven"
        name = f"plan-{machine_key(threads)}-{structure_digest(graph)}{kinds}.json"
        self.path = folder / name
        self._graph, self._threads = graph, threads

    def load(self) -> ExecutionPlan | None:
        """Return the plan made before; None if there is none that still fits.

        Variants are not looked at: forget a plan that kernels refuse.
        """
        try:
            plan = ExecutionPlan.from_json(read_sealed(self.path))
        except WorkbenchError:
            return None
        if plan.threads != self._threads or plan.kernels != kernels_here():
            return None
        reason = misfit(self._graph, find_slots(self._graph), plan)
        return plan if reason is None else None

    def forget(self) -> None:
        """Remove the plan, if that can be done."""
        remove(self.path)

    def save(self, plan: ExecutionPlan) -> None:
        """Keep a plan; a folder that cannot be written is no error."""
        write_sealed(self.path, plan.to_json())


def structure_digest(graph: Graph) -> str:
    """Return a digest of names, operations, shapes and zeros, not of values.

    Parameters
    ----------
    graph : Graph
    """
    digest = hashlib.sha256()
    for node in graph:
        shapes = [(name, array.shape) for name, array in node.params.items()]
        record = (node.id, node.op, node.inputs, node.shape, dict(node.attrs), shapes)
        digest.update(repr(record).encode())
        if is_weighted(node):
            digest.update(np.packbits(nonzero_mask(node)).data)
    digest.update("\0".join(graph.outputs).encode())
    return digest.hexdigest()[:32]
