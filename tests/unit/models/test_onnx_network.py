"""An ONNX file as a network: its layers, its numbers, and the file that comes out."""

import copy
import pickle
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper

import workbench as wb
from tests.support.onnx_files import (
    CLOSE,
    X,
    classifier,
    differs,
    made_by,
    model_of,
    numbers,
    run,
    saved,
    weights_of,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return saved(classifier(), tmp_path)


def test_layers_are_named_as_in_the_file(path: Path) -> None:
    net = wb.load_model(str(path))
    assert net.name == "net.onnx"
    assert [(one.id, one.kind, one.weight_shape) for one in net.layers] == [
        ("stem", "conv", (8, 3, 3, 3)),
        ("block.a", "conv", (12, 8, 3, 3)),
        ("block.b", "conv", (8, 12, 3, 3)),
        ("hidden", "linear", (16, 128)),
        ("scores", "linear", (5, 16)),
    ]
    assert net.layer("block.a").macs == 12 * 8 * 9 * 64
    assert [one.bias for one in net.layers] == [False, True, True, True, False]


def test_torch_and_the_engine_give_the_files_numbers(path: Path) -> None:
    net = wb.load_model(str(path))
    wanted = run(path, x=X)
    assert differs(made_by(net), wanted) < CLOSE
    program = wb.compile(net, tune="model")
    assert differs([program(X)], wanted) < CLOSE
    assert [step.layer for step in program.steps if step.dense_macs][:3] == [
        *("stem", "block.a", "block.b")
    ]


@pytest.mark.parametrize(
    "recipe",
    [
        wb.Recipe.uniform("magnitude", 0.8),
        wb.Recipe.uniform("kernel", 0.5),
        wb.Recipe.uniform("nm", 0.5),
        wb.Recipe.uniform("filter", 0.3),
    ],
    ids=lambda recipe: recipe.layers[0].method,
)
def test_the_pruned_file_gives_the_masked_numbers(
    path: Path, recipe: wb.Recipe
) -> None:
    net = wb.load_model(str(path))
    pruned = wb.prune(net, recipe)
    assert pruned.report.zeros > 100
    out = path.with_name("out.onnx")
    wb.export(pruned, out)
    assert differs(run(out, x=X), made_by(pruned)) < CLOSE
    before, after = onnx.load(path), onnx.load(out)
    assert [n.name for n in before.graph.initializer] == [
        n.name for n in after.graph.initializer
    ]
    assert before.graph.node == after.graph.node
    assert before.opset_import == after.opset_import
    assert after.producer_name == "hand"
    old, new = weights_of(path), weights_of(out)
    # Every weight is what it was, bit for bit, or zero.
    for name, array in old.items():
        assert np.all((new[name] == array) | (new[name] == 0)), name
    assert (new["w1"] == 0).sum() == (pruned.module.block.a.weight == 0).sum()
    again = wb.load_model(str(out))
    assert differs(made_by(again), made_by(pruned)) < CLOSE


def test_channels_leave_the_file(path: Path) -> None:
    net = wb.load_model(str(path))
    pruned = wb.prune(net, wb.Recipe.uniform("filter", 0.5))
    small = wb.shrink(pruned)
    out = path.with_name("small.onnx")
    wb.export(small, out)
    assert differs(run(out, x=X), made_by(pruned)) < CLOSE
    new = weights_of(out)
    assert new["w1"].shape == (6, 8, 3, 3)
    assert new["w2"].shape == (8, 6, 3, 3)
    assert new["wf"].shape == (128, 8)
    assert new["wo"].shape == (8, 5)
    assert differs([wb.compile(out, tune="model")(X)], made_by(pruned)) < CLOSE


def test_a_flatten_of_fewer_channels_takes_its_size_from_them(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "first"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["a", "w"], ["b"], "inner", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["b"], ["c"]),
        helper.make_node("Reshape", ["c", "sizes"], ["d"]),
        helper.make_node("Gemm", ["d", "wf"], ["y"], "fc", transB=1),
    ]
    weights = {
        "first": numbers(4, 3, 3, 3),
        "w": numbers(6, 4, 3, 3, seed=1),
        "sizes": np.array([-1, 6 * 64], np.int64),
        "wf": numbers(5, 6 * 64, seed=2),
    }
    path = saved(model_of(nodes, weights, inputs={"x": ("n", 3, 8, 8)}), tmp_path)
    pruned = wb.prune(
        wb.load_model(str(path)), wb.Recipe.uniform("filter", 0.5, match="inner")
    )
    out = tmp_path / "small.onnx"
    wb.export(wb.shrink(pruned), out)
    assert weights_of(out)["wf"].shape == (5, 3 * 64)
    assert differs(run(out, x=X), made_by(pruned)) < CLOSE


def test_a_channel_shuffle_of_fewer_channels_keeps_its_pixels(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "first"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["a", "w"], ["b"], "inner"),
        helper.make_node("Reshape", ["b", "parts"], ["c"]),
        helper.make_node("Transpose", ["c"], ["d"], perm=[0, 2, 1, 3, 4]),
        helper.make_node("Reshape", ["d", "whole"], ["e"]),
        helper.make_node("Conv", ["e", "v"], ["f"], "grouped", group=2),
        helper.make_node("GlobalAveragePool", ["f"], ["y"]),
    ]
    weights = {
        "first": numbers(4, 3, 3, 3),
        "w": numbers(8, 4, 1, 1, seed=1),
        "parts": np.array([1, 2, 4, 8, 8], np.int64),
        "whole": np.array([1, 8, 8, 8], np.int64),
        "v": numbers(4, 4, 1, 1, seed=2),
    }
    path = saved(model_of(nodes, weights, inputs={"x": (1, 3, 8, 8)}), tmp_path)
    pruned = wb.prune(
        wb.load_model(str(path)), wb.Recipe.uniform("filter", 0.5, match="inner")
    )
    out = tmp_path / "small.onnx"
    wb.export(wb.shrink(pruned), out)
    assert weights_of(out)["w"].shape == (4, 4, 1, 1)
    assert differs(run(out, x=X[:1]), made_by(pruned, X[:1])) < CLOSE


def test_one_weight_of_two_nodes_is_one_layer(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["a"], "head", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["r"]),
        helper.make_node("Conv", ["r", "w", "b"], ["y"], "again", pads=[1, 1, 1, 1]),
    ]
    weights = {"w": numbers(3, 3, 3, 3), "b": numbers(3, seed=1)}
    path = saved(model_of(nodes, weights, inputs={"x": ("n", 3, 8, 8)}), tmp_path)
    net = wb.load_model(str(path))
    assert [(one.id, one.calls) for one in net.layers] == [("head", 2)]
    pruned = wb.prune(net, wb.Recipe.uniform("magnitude", 0.5, match="head"))
    out = tmp_path / "out.onnx"
    wb.export(pruned, out)
    assert list(weights_of(out)) == ["w", "b"]
    assert differs(run(out, x=X), made_by(pruned)) < CLOSE
    assert differs([wb.compile(pruned, tune="model")(X)], made_by(pruned)) < CLOSE


def test_a_weight_that_others_read_is_left_to_them(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], "one"),
        helper.make_node("Conv", ["x", "w"], ["b"], "two", pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["a"], ["c"]),
        helper.make_node("GlobalAveragePool", ["b"], ["d"]),
        helper.make_node("Add", ["c", "d"], ["y"]),
    ]
    weights = {"w": numbers(4, 3, 3, 3)}
    path = saved(model_of(nodes, weights, inputs={"x": ("n", 3, 8, 8)}), tmp_path)
    net = wb.load_model(str(path))
    # Tied: one tensor, one mask.
    assert net.module.one.weight is net.module.two.weight
    pruned = wb.prune(net, wb.Recipe.uniform("magnitude", 0.5, match="one"))
    out = tmp_path / "out.onnx"
    wb.export(pruned, out)
    assert differs(run(out, x=X), made_by(pruned)) < CLOSE


def test_copies_and_other_processes_have_the_same_network(path: Path) -> None:
    net = wb.load_model(str(path))
    for again in (copy.deepcopy(net.module), pickle.loads(pickle.dumps(net.module))):
        with torch.inference_mode():
            found = again(torch.from_numpy(X)).numpy()
        assert np.array_equal(found, made_by(net)[0])
    again.block.a.weight.data.zero_()
    assert net.module.block.a.weight.abs().sum() > 1


def test_fine_tuned_numbers_go_back_into_the_file(path: Path) -> None:
    net = wb.load_model(str(path))
    pruned = wb.prune(net, wb.Recipe.uniform("magnitude", 0.5))
    module = copy.deepcopy(pruned.module).train()
    with wb.keep_zeros(module, pruned.masks):
        step = torch.optim.SGD(module.parameters(), 0.01)
        module(torch.from_numpy(X)).square().mean().backward()
        step.step()
    tuned = pruned.with_module(module)
    assert not torch.equal(module.norm.running_mean, net.module.norm.running_mean)
    out = path.with_name("tuned.onnx")
    wb.export(tuned, out)
    assert differs(run(out, x=X), made_by(tuned)) < CLOSE
    assert not np.array_equal(weights_of(out)["mean"], weights_of(path)["mean"])
