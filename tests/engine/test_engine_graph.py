"""Graphs: what is refused, by name, before anything runs."""

import numpy as np
import pytest
import torch
from torch import nn

from workbench.capture.from_torch.exported import CaptureError
from workbench.capture.from_torch.torch_export import capture
from workbench.engine.graph.graph import Graph, GraphError, Node, UncoveredOp
from workbench.errors import WorkbenchError

INPUT = Node("input", "input", (), (2, 4, 4), {"shape": (2, 4, 4)})


def conv(weight_shape: tuple[int, ...], **attrs: object) -> Node:
    params = {
        "weight": np.ones(weight_shape, np.float32),
        "bias": np.zeros(weight_shape[0], np.float32),
    }
    return Node("c", "conv2d", ("input",), (3, 2, 2), attrs, params)


def test_valid_graph_knows_its_shapes() -> None:
    graph = Graph("g", (INPUT, conv((3, 2, 3, 3))), "c")
    assert graph.input_shape == (2, 4, 4)
    assert graph.output_shape == (3, 2, 2)
    assert graph.consumers() == {"input": ("c",), "c": ()}


def test_uncovered_op_is_named_with_the_covered_ones() -> None:
    strange = Node("s", "fft", ("input",), (2, 4, 4))
    with pytest.raises(UncoveredOp, match=r"'fft' in layer 's'.*conv2d.*sigmoid"):
        Graph("g", (INPUT, strange), "s")


@pytest.mark.parametrize(
    ("nodes", "output", "message"),
    [
        ((), "c", "does not start with its input"),
        ((INPUT, conv((3, 2, 1, 1))), "c", r"declares the shape \(3, 2, 2\)"),
        ((INPUT, conv((3, 5, 3, 3))), "c", "a convolution weight"),
        ((INPUT, conv((3, 2, 3, 3))), "d", "output 'd' is no node"),
        ((INPUT, INPUT), "input", "two nodes called 'input'"),
        ((INPUT, conv((3, 2, 9, 9))), "c", "a window of 9 over 4 pixels"),
    ],
)
def test_impossible_graphs_are_refused(
    nodes: tuple[Node, ...], output: str, message: str
) -> None:
    with pytest.raises(WorkbenchError, match=message):
        Graph("g", nodes, output)


def test_dangling_input_is_refused() -> None:
    relu = Node("r", "relu", ("nobody",), (2, 4, 4))
    with pytest.raises(GraphError, match="reads 'nobody'"):
        Graph("g", (INPUT, relu), "r")


class Attention(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(x, 1)


class Branching(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1 if x.sum() > 0 else x


def test_capture_names_nodes_by_their_module() -> None:
    module = nn.Sequential(nn.Conv2d(2, 2, 1), Attention())
    graph = capture(module, torch.zeros(1, 2, 4, 4))
    assert [node.id for node in graph if node.op == "softmax"] == ["1.softmax"]


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (Branching(), "cannot be exported as one graph"),
    ],
)
def test_capture_refuses(module: nn.Module, message: str) -> None:
    with pytest.raises(CaptureError, match=message):
        capture(module, torch.zeros(1, 2, 4, 4))


def test_capture_needs_an_example_for_a_bare_module() -> None:
    with pytest.raises(CaptureError, match="without an example input"):
        capture(nn.ReLU())


def test_capture_leaves_a_training_module_as_it_was() -> None:
    module = nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)).train()
    graph = capture(module, torch.zeros(1, 2, 4, 4))
    assert module.training
    assert [node.id for node in graph] == ["input", "0", "1"]


def test_a_module_called_twice_keeps_both_calls() -> None:
    shared = nn.Conv2d(2, 2, 1)
    graph = capture(nn.Sequential(shared, nn.ReLU(), shared), torch.zeros(1, 2, 4, 4))
    convs = [node.id for node in graph if node.op == "conv2d"]
    assert len(convs) == len(set(convs)) == 2
    assert convs[0] == "0"
