"""Rewrites: fewer nodes, the same layers, masked zeros stay zero."""

import numpy as np
import pytest
import torch
from torch import nn

import workbench as wb
from tests.engine.nets import make
from workbench.capture.from_torch.torch_export import capture
from workbench.engine.compile import compile_graph
from workbench.engine.graph.graph import Graph, Node
from workbench.engine.graph.passes import simplify
from workbench.errors import WorkbenchError


def simplified(name: str, sparsity: float = 0.0) -> tuple[Graph, torch.nn.Module]:
    module, x = make(name, sparsity)
    return simplify(capture(module, x)), module


def test_resnet_is_only_convolutions_and_a_head() -> None:
    graph, _ = simplified("resnet")
    assert [(node.id, node.op) for node in graph] == [
        ("input", "input"),
        ("0", "conv2d"),
        ("3.conv1", "conv2d"),
        ("3.conv2", "conv2d"),
        ("4.conv1", "conv2d"),
        ("4.conv2", "conv2d"),
        ("4.short.0", "conv2d"),
        ("5.conv1", "conv2d"),
        ("5.conv2", "conv2d"),
        ("6.adaptive_avg_pool", "global_avg_pool"),
        ("8", "linear"),
    ]


def test_residual_and_activation_sit_in_the_later_convolution() -> None:
    graph, _ = simplified("resnet")
    assert graph.node("3.conv2").inputs == ("3.conv1", "0")
    assert graph.node("4.short.0").inputs == ("3.conv2", "4.conv2")
    assert graph.node("4.short.0").attrs["act"][0] == "relu"
    assert "act" not in graph.node("4.conv2").attrs


def test_folding_keeps_masked_zeros() -> None:
    graph, module = simplified("resnet", 0.5)
    for name, layer in module.named_modules():
        if isinstance(layer, torch.nn.Conv2d):
            folded = graph.node(name).params["weight"]
            np.testing.assert_array_equal(
                folded == 0, layer.weight.numpy(force=True) == 0
            )


def test_batch_norm_folds_to_its_formula() -> None:
    # gamma 3, beta 1, mean 2, variance 4 - eps: y = 3 (w x - 2) / 2 + 1
    conv = torch.nn.Conv2d(1, 1, 1, bias=False)
    norm = torch.nn.BatchNorm2d(1, eps=1.0)
    with torch.no_grad():
        conv.weight.fill_(5.0)
        norm.weight.fill_(3.0)
        norm.bias.fill_(1.0)
        norm.running_mean.fill_(2.0)
        norm.running_var.fill_(3.0)
    module = torch.nn.Sequential(conv, norm).eval()
    node = simplify(capture(module, torch.zeros(1, 1, 2, 2))).node("0")
    assert node.params["weight"].item() == 7.5
    assert node.params["bias"].item() == -2.0


def test_flatten_before_linear_disappears() -> None:
    graph, _ = simplified("lenet")
    assert "flatten" not in {node.op for node in graph}
    assert graph.node("7").params["weight"].shape == (120, 400)


def test_convolution_of_one_pixel_becomes_linear() -> None:
    graph, _ = simplified("mobilenet")
    assert graph.node("11.fc1").op == "linear"
    assert graph.node("11.fc2").attrs["act"][0] == "hardsigmoid"
    assert graph.node("11.fc2").shape == (20, 1, 1)


def one_layer(node: Node, shape: tuple[int, ...]) -> Graph:
    return Graph("one", (Node("input", "input", (), shape), node), node.id)


def test_a_window_that_lies_in_the_padding_leaves_the_bias() -> None:
    params = {
        "weight": np.full((2, 1, 1, 1), 7, np.float32),
        "bias": np.array([0.5, -2], np.float32),
    }
    attrs = {"stride": (3, 3), "padding": (1, 1, 1, 1)}
    node = Node("c", "conv2d", ("input",), (2, 1, 1), attrs, params)
    program = compile_graph(one_layer(node, (1, 1, 1)), tune="model")
    found = program(np.array([[[[9.0]]]], np.float32))
    assert found.reshape(-1).tolist() == [0.5, -2.0]
    kernel = {**params, "weight": np.ones((2, 1, 2, 2), np.float32)}
    node = node.but(params=kernel, attrs={"stride": (4, 4), "padding": (2, 0, 0, 2)})
    program = compile_graph(one_layer(node, (1, 1, 1)), tune="model")
    assert program(np.ones((1, 1, 1, 1), np.float32)).reshape(-1).tolist() == [0.5, -2]


@pytest.mark.parametrize("features", [1, 5, 20_000])
def test_a_vector_is_scaled_without_a_square_matrix(features: int) -> None:
    scale = np.arange(features, dtype=np.float32)
    node = Node(
        "n",
        "batchnorm",
        ("input",),
        (features,),
        {},
        {"scale": scale, "shift": np.ones(features, np.float32)},
    )
    after = Node("r", "relu", ("n",), (features,))
    graph = Graph("g", (Node("input", "input", (), (features,)), node, after), "r")
    assert max(p.size for n in simplify(graph) for p in n.params.values()) == features
    program = compile_graph(graph, tune="model")
    x = np.full((3, features), -0.5, np.float32)
    x[1] = 2
    right = np.maximum(x * scale + 1, 0)
    np.testing.assert_array_equal(program(x), right)


def test_tensors_larger_than_the_machine_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shape = (2**31 - 1,)
    graph = one_layer(Node("r", "relu", ("input",), shape), shape)
    monkeypatch.setattr("os.sysconf", lambda name: 1024)
    with pytest.raises(WorkbenchError, match=r"layer 'r' with tensors of 16.0 GiB"):
        compile_graph(graph, tune="model")


@pytest.mark.parametrize("pixels", [1, 2])
def test_an_activation_behind_a_transposed_layer_of_one_pixel_stays(
    pixels: int,
) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 8, 1), nn.ConvTranspose2d(8, 4, 2, 2), nn.ReLU()
    ).eval()
    x = torch.randn(2, 3, pixels, pixels)
    program = wb.compile(module, example=x[:1], tune="model", check=False)
    with torch.inference_mode():
        wanted = module(x).numpy()
    assert abs(program(x.numpy()) - wanted).max() < 1e-5
    assert (wanted == 0).any()
