"""Finished plans on disk: a network that was tuned before starts at once.

Belongs here: the digest of what a plan depends on, and the cache of plans.
Weights' values do not matter, only which of them are zero.
"""

import hashlib
import json
from contextlib import suppress
from pathlib import Path

import numpy as np

from workbench.engine.candidates import TABLE
from workbench.engine.graph import Graph
from workbench.engine.plan import Plan
from workbench.engine.timings import machine_key
from workbench.engine.weights import is_weighted, nonzero_mask
from workbench.kernels.generated import available
from workbench.writing import WriteError, write_whole


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
        self._path = folder / name

    def load(self) -> Plan | None:
        """Return the plan made before; None if there is none that still fits."""
        try:
            plan = Plan.from_json(json.loads(self._path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        names = {candidate.name for candidate in TABLE}
        known = all(choice.candidate in names for choice in plan.choices.values())
        return plan if known else None

    def save(self, plan: Plan) -> None:
        """Keep a plan; a folder that cannot be written is no error."""
        with suppress(OSError, WriteError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._path, json.dumps(plan.to_json()))


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
    digest.update(graph.output.encode())
    return digest.hexdigest()[:32]
