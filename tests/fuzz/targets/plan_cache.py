"""Cached plans: a damaged one is ignored, and the network is planned again."""

import json
from functools import cache
from pathlib import Path
from random import Random

import numpy as np

from tests.engine.nets import make
from tests.fuzz.mutations import damage, tree
from tests.fuzz.programs import Container, change_plan
from workbench.capture.from_torch.torch_export import capture
from workbench.engine.compile import compile_graph
from workbench.engine.graph.graph import Graph
from workbench.engine.graph.passes import simplify
from workbench.engine.planning.costs import ModelCosts
from workbench.engine.planning.plan_cache import PlanCache
from workbench.engine.planning.select import select
from workbench.engine.planning.slots import find_slots
from workbench.engine.program import Program
from workbench.engine.stored.sealed import sealed
from workbench.errors import WorkbenchError

SUFFIX = ".json"
CLOSE = 2e-4


@cache
def seeds() -> tuple[bytes, ...]:
    graph = network()
    plan = select(graph, find_slots(graph), ModelCosts(graph, 1), 1)
    return (sealed(plan.to_json()),)


def mutate(rng: Random, data: bytes) -> bytes:
    kind = rng.random()
    try:
        plan = json.loads(data)["data"]
        if kind < 0.4:
            nodes = [{"id": node.id} for node in network()]
            change_plan(rng, Container(1, {"plan": plan, "nodes": nodes}, b""))
        elif kind < 0.8:
            plan = tree(rng, plan)
        else:
            return damage(rng, data)
        return sealed(plan)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return damage(rng, data)


def read(path: Path) -> object:
    folder = path.parent / "cache"
    known = PlanCache(folder, network(), 1)
    folder.mkdir(exist_ok=True)
    known.path.write_bytes(path.read_bytes())
    plan = known.load()
    try:
        result = compile_graph(network(), budget_s=0.0, cache=folder)(images())
    except WorkbenchError as error:
        raise AssertionError("a cache ended a compilation") from error
    off = float(np.abs(result - expected()).max() / np.abs(expected()).max())
    assert off <= CLOSE, f"{off:.3g} of the output off"
    if plan is None:
        raise WorkbenchError("a plan that fits nothing", "another", "Plan again.")
    return plan


@cache
def network() -> Graph:
    module, x = make("vgg", 0.7)
    return simplify(capture(module, x))


@cache
def images() -> np.ndarray:
    shape = (2, *network().input_shape)
    return np.random.default_rng(5).standard_normal(shape, dtype=np.float32)


@cache
def expected() -> np.ndarray:
    graph = network()
    plan = select(graph, find_slots(graph), ModelCosts(graph, 1), 1)
    return Program(graph, plan)(images())
