"""Work of compiling grows with the number of nodes, not with its square or cube.

Lines that run are counted, not seconds: the count is the same on every machine.
"""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from workbench.capture.from_onnx.onnx_import import import_onnx
from workbench.engine.graph.graph import Graph, Node
from workbench.engine.graph.passes import simplify
from workbench.engine.lowering.arena import plan_arena
from workbench.engine.lowering.schedule import make_schedule
from workbench.engine.planning.costs import ModelCosts
from workbench.engine.planning.select import select
from workbench.engine.planning.slots import find_slots

SHAPE = (4, 8, 8)
FEW, MANY = 30, 120
MOST_RATIO = 4.6
"""Four times the nodes are four times the lines, and a few for sorting."""


def lines(work: Callable[[], object]) -> int:
    """Return how many lines run."""
    count = 0

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def compiled(graph: Graph) -> None:
    """Do what compiling by the cost model does before kernels are built."""
    simple = simplify(graph)
    slots = find_slots(simple)
    plan = select(simple, slots, ModelCosts(simple, 1), 1)
    plan_arena(make_schedule(simple, slots, plan))


def conv(name: str, source: str) -> Node:
    params = {
        "weight": np.ones((4, 4, 1, 1), np.float32),
        "bias": np.zeros(4, np.float32),
    }
    return Node(name, "conv2d", (source,), SHAPE, {}, params)


def chain(count: int, kind: str) -> Graph:
    nodes = [Node("input", "input", (), SHAPE)]
    for i in range(count):
        last = nodes[-1].id
        if kind == "layers":
            nodes.append(conv(f"n{i}", last))
        elif kind == "activations":
            nodes.append(Node(f"n{i}", "relu" if i % 2 else "sigmoid", (last,), SHAPE))
        elif kind == "norms":
            params = {k: np.ones(4, np.float32) for k in ("scale", "shift")}
            nodes.append(conv(f"n{i}", last))
            nodes.append(Node(f"b{i}", "batchnorm", (f"n{i}",), SHAPE, {}, params))
            nodes.append(Node(f"r{i}", "relu", (f"b{i}",), SHAPE))
        else:
            nodes.append(conv(f"n{i}", last))
            nodes.append(Node(f"a{i}", "add", (f"n{i}", last), SHAPE))
    return Graph("chain", tuple(nodes), nodes[-1].id)


@pytest.mark.parametrize("kind", ["layers", "activations", "norms", "residuals"])
def test_compiling_a_chain_is_linear(kind: str) -> None:
    few, many = (chain(count, kind) for count in (FEW, MANY))
    compiled(few)
    assert lines(lambda: compiled(many)) < MOST_RATIO * lines(lambda: compiled(few))


def relus(count: int) -> onnx.ModelProto:
    names = ["x", *(f"t{i}" for i in range(count - 1)), "y"]
    nodes = [
        helper.make_node("Relu", [names[i]], [names[i + 1]], name="same")
        for i in range(count)
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 4))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def test_reading_nodes_of_one_name_is_linear() -> None:
    few, many = relus(FEW), relus(MANY)
    import_onnx(few)
    assert lines(lambda: import_onnx(many)) < MOST_RATIO * lines(
        lambda: import_onnx(few)
    )
    ids = [node.id for node in import_onnx(few)]
    assert ids[1:4] == ["same.relu", "same.relu2", "same.relu3"]
    assert len(set(ids)) == FEW + 1
