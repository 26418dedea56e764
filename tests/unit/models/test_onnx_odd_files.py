"""ONNX files out of the ordinary as networks, and files that are refused."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

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
from workbench.errors import WorkbenchError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return saved(classifier(), tmp_path)


def test_a_batch_of_minus_one_is_free(tmp_path: Path) -> None:
    model = classifier()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -1
    path = saved(model, tmp_path)
    out = tmp_path / "out.onnx"
    report = wb.export(wb.load_model(str(path)), out)
    assert "equal to torch on batches of 1, 3" in str(report.checks[-1])


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


def test_names_of_any_depth_are_modules(tmp_path: Path) -> None:
    deep = ".".join("a" * 5000)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], deep),
        helper.make_node("Conv", ["a", "v"], ["y"], "weight.forward. é/[0]"),
    ]
    weights = {"w": numbers(4, 3, 1, 1), "v": numbers(2, 4, 1, 1, seed=1)}
    path = saved(model_of(nodes, weights, inputs={"x": ("n", 3, 8, 8)}), tmp_path)
    net = wb.load_model(str(path))
    first, second = (one.id for one in net.layers)
    assert first.count(".") == 31
    assert second == "weight_.forward_._é._0_"
    assert differs(made_by(net), run(path, x=X)) < CLOSE


def test_settings_and_random_weights_are_refused(path: Path) -> None:
    with pytest.raises(WorkbenchError, match="an ONNX file as it is"):
        wb.load_model(str(path), random=True)
    with pytest.raises(WorkbenchError, match="num_classes"):
        wb.load_model(str(path), num_classes=3)
