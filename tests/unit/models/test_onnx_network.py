"""An ONNX file as a network: its layers, its numbers, and the file that comes out."""

import copy
import os
import pickle
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

import workbench as wb
from tests.support.onnx_files import (
    classifier,
    model_of,
    numbers,
    run,
    saved,
    weights_of,
)
from workbench.errors import WorkbenchError
from workbench.models.network import Network
from workbench.pruning.pruned import PrunedNetwork

# float32 against float32 in another order.
CLOSE = 1e-4
X = numbers(2, 3, 8, 8, seed=99)


def made_by(net: Network | PrunedNetwork, *x: np.ndarray) -> list[np.ndarray]:
    with torch.inference_mode():
        made = net.module(*map(torch.from_numpy, x or (X,)))
    return [
        one.numpy() for one in (made.values() if isinstance(made, dict) else [made])
    ]


def differs(found: list[np.ndarray], wanted: list[np.ndarray]) -> float:
    pairs = list(zip(found, wanted, strict=True))
    assert all(a.shape == b.shape for a, b in pairs)
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs)


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


def test_a_batch_of_minus_one_is_free(tmp_path: Path) -> None:
    model = classifier()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -1
    path = saved(model, tmp_path)
    out = tmp_path / "out.onnx"
    report = wb.export(wb.load_model(str(path)), out)
    assert "equal to torch on batches of 1, 3" in str(report.checks[-1])


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


def test_half_precision_weights_stay_half(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["w16"], ["w"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["x", "w"], ["a"], "conv"),
        helper.make_node("GlobalAveragePool", ["a"], ["y"]),
    ]
    weights = {"w16": numbers(4, 3, 3, 3).astype(np.float16)}
    path = saved(model_of(nodes, weights, inputs={"x": ("n", 3, 8, 8)}), tmp_path)
    pruned = wb.prune(
        wb.load_model(str(path)), wb.Recipe.uniform("magnitude", 0.5, match="conv")
    )
    out = tmp_path / "out.onnx"
    wb.export(pruned, out)
    (name,) = weights_of(out)
    assert weights_of(out)[name].dtype == np.float16
    assert (weights_of(out)[name] == 0).sum() == 54
    assert differs(run(out, x=X), made_by(pruned)) < CLOSE


def test_weights_in_constant_nodes_and_files_of_old_versions(tmp_path: Path) -> None:
    held = numpy_helper.from_array(numbers(4, 3, 3, 3), "held")
    nodes = [
        helper.make_node("Constant", [], ["w"], value=held),
        helper.make_node("Conv", ["x", "w"], ["a"], "conv"),
        helper.make_node("ConstantOfShape", ["size"], ["v"], "fill"),
        helper.make_node("Conv", ["a", "v"], ["y"], "other"),
    ]
    nodes[2].attribute.append(
        helper.make_attribute("value", numpy_helper.from_array(np.ones(1, np.float32)))
    )
    weights = {"size": np.array([2, 4, 1, 1], np.int64)}
    model = model_of(nodes, weights, inputs={"x": (1, 3, 8, 8)}, opset=9, ir_version=3)
    model.graph.input.append(
        helper.make_tensor_value_info("size", TensorProto.INT64, [4])
    )
    path = saved(model, tmp_path)
    pruned = wb.prune(
        wb.load_model(str(path)),
        wb.Recipe.uniform("magnitude", 0.5, match="conv"),
    )
    pruned = wb.prune(
        wb.load_model(str(path)),
        wb.Recipe.loads(
            "version: 1\nlayers:\n"
            "  - {match: conv, method: magnitude, sparsity: 0.5}\n"
            "  - {match: other, method: random, sparsity: 0.5}\n"
        ),
    )
    out = tmp_path / "out.onnx"
    wb.export(pruned, out)
    found = weights_of(out)
    assert (found["w"] == 0).sum() == 54
    assert (found["v_pruned"] == 0).sum() == 4
    assert "size" not in found
    x = X[:1]
    assert differs(run(out, x=x), made_by(pruned, x)) < CLOSE


def test_several_inputs_and_outputs_keep_their_names(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["a"], "conv", pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["a", "depth"], ["sum"]),
        helper.make_node("Conv", ["sum", "v"], ["scores"], "head"),
    ]
    weights = {"w": numbers(4, 3, 3, 3), "v": numbers(2, 4, 1, 1, seed=1)}
    model = model_of(
        nodes,
        weights,
        inputs={"image": ("n", 3, 8, 8), "depth": ("n", 4, 8, 8)},
        outputs=("scores", "sum"),
    )
    path = saved(model, tmp_path)
    net = wb.load_model(str(path))
    assert net.input_shapes == {"image": (3, 8, 8), "depth": (4, 8, 8)}
    assert net.outputs == ("scores", "sum")
    depth = numbers(2, 4, 8, 8, seed=5)
    wanted = run(path, image=X, depth=depth)
    assert differs(made_by(net, X, depth), wanted) < CLOSE
    pruned = wb.prune(net, wb.Recipe.uniform("magnitude", 0.5, match="conv"))
    out = tmp_path / "out.onnx"
    wb.export(pruned, out)
    found = run(out, image=X, depth=depth)
    assert differs(found, made_by(pruned, X, depth)) < CLOSE
    program = wb.compile(pruned, tune="model")
    assert differs(list(program(X, depth).values()), found) < CLOSE


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


def test_free_sizes_are_asked_for(tmp_path: Path) -> None:
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], "conv")]
    model = model_of(
        nodes, {"w": numbers(4, 3, 3, 3)}, inputs={"x": ("n", 3, "h", "w_")}
    )
    path = saved(model, tmp_path)
    with pytest.raises(WorkbenchError, match="free sizes"):
        wb.load_model(str(path))
    net = wb.load_model(str(path), input_shape=(3, 8, 8))
    assert net.input_shape == (3, 8, 8)
    assert differs(made_by(net), run(path, x=X)) < CLOSE


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "no operations"), (b"\x08\x07garbage", "cannot be read as ONNX")],
)
def test_files_that_are_no_network_are_refused(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(WorkbenchError, match=said):
        wb.load_model(str(path))


def test_a_file_of_tensors_beyond_all_memory_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 4 x 1024 x 1024 floats are 16 MiB, on a machine of 10.
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], "conv"),
        helper.make_node("Upsample", ["a", "scales"], ["b"], "grows", mode="nearest"),
        helper.make_node("GlobalAveragePool", ["b"], ["y"]),
    ]
    weights = {
        "w": numbers(4, 3, 1, 1),
        "scales": np.array([1, 1, 512, 512], np.float32),
    }
    model = model_of(nodes, weights, inputs={"x": (1, 3, 2, 2)}, opset=9)
    path = saved(model, tmp_path)
    # Layers are found without the tensors.
    assert wb.load_model(str(path)).layers[0].output_shape == (4, 2, 2)
    sizes = {"SC_PAGE_SIZE": 1 << 20, "SC_PHYS_PAGES": 10}
    monkeypatch.setattr(os, "sysconf", sizes.__getitem__)
    with pytest.raises(WorkbenchError, match=r"layer 'grows\S*' with tensors of"):
        wb.load_model(str(path))


def test_what_torch_does_not_have_runs_in_onnxs_evaluator(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], "first"),
        helper.make_node("Conv", ["a", "v"], ["b"], "inner"),
        helper.make_node("Det", ["b"], ["c"], "odd"),
        helper.make_node("MatMul", ["c", "u"], ["y"], "last"),
    ]
    weights = {
        "w": numbers(4, 3, 1, 1),
        "v": numbers(6, 4, 1, 1, seed=1),
        "u": numbers(6, 5, seed=2),
    }
    path = saved(model_of(nodes, weights, inputs={"x": ("n", 3, 8, 8)}), tmp_path)
    net = wb.load_model(str(path))
    assert net.notes[0].startswith("onnx.Det run in ONNX's own evaluator")
    wanted = run(path, x=X)
    assert differs(made_by(net), wanted) < CLOSE
    again = pickle.loads(pickle.dumps(net.module))
    with torch.inference_mode():
        assert np.array_equal(again(torch.from_numpy(X)).numpy(), made_by(net)[0])
    pruned = wb.prune(net, wb.Recipe.uniform("magnitude", 0.5))
    out = tmp_path / "out.onnx"
    wb.export(pruned, out)
    assert differs(run(out, x=X), made_by(pruned)) < CLOSE
    # Its channels cannot be followed, so they stay.
    filters = wb.prune(net, wb.Recipe.uniform("filter", 0.5))
    (row,) = (row for row in filters.report.layers if row.id == "inner")
    assert row.zeros == 0
    assert "the channels pass through foreign_step" in row.note


def test_settings_and_random_weights_are_refused(path: Path) -> None:
    with pytest.raises(WorkbenchError, match="an ONNX file as it is"):
        wb.load_model(str(path), random=True)
    with pytest.raises(WorkbenchError, match="num_classes"):
        wb.load_model(str(path), num_classes=3)
