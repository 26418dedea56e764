"""What an ONNX file has beyond the table: foreign steps, branches, functions, batches.

Expected values are ONNX Runtime's for two images, or worked out by hand.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import workbench as wb
from workbench.capture.from_onnx.onnx_import import import_onnx
from workbench.capture.sources import OnnxSource
from workbench.engine.compile import compile_graph
from workbench.errors import WorkbenchError

# Sums in another order.
TOLERANCE = 2e-6


def model(
    nodes: list[onnx.NodeProto],
    shape: tuple[Any, ...] = ("n", 3, 4, 6),
    *,
    opset: int = 17,
    kind: int = TensorProto.FLOAT,
    functions: Any = (),
    **constants: np.ndarray,
) -> onnx.ModelProto:
    """Return a model from x to y; a domain of its own is called ``own``."""
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_empty_tensor_value_info("y")],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    imports = [helper.make_opsetid("", opset)]
    if functions:
        imports.append(helper.make_opsetid("own", 1))
    return helper.make_model(
        graph, opset_imports=imports, functions=functions, ir_version=8
    )


def images(proto: onnx.ModelProto, count: int = 2) -> np.ndarray:
    shape = [d.dim_value for d in proto.graph.input[0].type.tensor_type.shape.dim]
    noise = np.random.default_rng(3)
    return noise.standard_normal((count, *shape[1:]), np.float32)


def by_runtime(proto: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    data = proto.SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x})[0])


def assert_runtime(proto: onnx.ModelProto, count: int = 2) -> Any:
    x = images(proto, count)
    program = compile_graph(import_onnx(proto), tune="model")
    right = by_runtime(proto, x)
    found = program(x)
    assert found.shape == right.shape
    np.testing.assert_allclose(found, right, TOLERANCE, TOLERANCE)
    return program


def node(op: str, inputs: str, outputs: str = "y", **attrs: Any) -> onnx.NodeProto:
    return helper.make_node(op, inputs.split(), outputs.split(), **attrs)


TOP = node("TopK", "x two", "v i", axis=-1)
TWO = {"two": np.array([2], np.int64)}


def foreign_names(program: Any) -> list[str]:
    return [s.kernel for s in program.steps if s.kernel.startswith("onnx.")]


@pytest.mark.parametrize(
    ("nodes", "constants", "names"),
    [
        ([TOP, node("Relu", "v")], TWO, ["onnx.TopK"]),
        ([TOP, node("Cast", "i", to=1)], TWO, ["onnx.TopK"]),
        ([node("Hardmax", "x", axis=1)], {}, ["onnx.Hardmax"]),
        ([node("CumSum", "x one", exclusive=1)], {"one": np.array(1)}, ["onnx.CumSum"]),
        ([node("Shrink", "x", bias=0.1, lambd=0.2)], {}, ["onnx.Shrink"]),
    ],
)
def test_what_has_no_translation_is_a_step_of_onnx(
    nodes: list[onnx.NodeProto], constants: dict[str, np.ndarray], names: list[str]
) -> None:
    program = assert_runtime(model(nodes, **constants))
    assert foreign_names(program) == names


def test_words_that_the_evaluator_has_forgotten_are_translated() -> None:
    at = np.random.default_rng(5).uniform(-1, 1, (1, 3, 2, 2)).astype(np.float32)
    sample = node("GridSample", "x at", mode="bilinear", padding_mode="border")
    program = assert_runtime(model([sample], (1, 3, 4, 6), at=at), 1)
    assert foreign_names(program) == ["onnx.GridSample"]


def test_a_slope_of_infinity_is_no_leaky_relu() -> None:
    nodes = [node("Greater", "x zero", "up"), node("Where", "up x low")]
    limits = {"zero": np.zeros(1, np.float32), "low": np.full(1, -np.inf, np.float32)}
    assert_runtime(model(nodes, **limits))


def test_a_foreign_step_is_in_no_file(tmp_path: Path) -> None:
    program = compile_graph(import_onnx(model([node("Hardmax", "x")])), tune="model")
    with pytest.raises(WorkbenchError, match=r"onnx\.Hardmax in 'Hardmax_0"):
        program.save(tmp_path / "net.wbp")


def test_a_foreign_step_gets_copies() -> None:
    proto = model([node("Hardmax", "x", "h"), node("Add", "x h")])
    assert_runtime(proto)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([node("RandomNormalLike", "x")], "RandomNormalLike with random numbers"),
        ([node("NonZero", "x")], "NonZero, whose result is of a size that depends"),
        ([node("Hardmax", "x", axis=0)], r"Hardmax along the batch \(axis=0\)"),
        ([node("TopK", "x two", "y i", axis=0)], r"TopK along the batch"),
        ([node("Softmax", "x", axis=0)], r"Softmax over axes \[0\].*the batch"),
        ([node("ReduceMax", "x", axes=[0])], r"ReduceMax over axes \[0\]"),
        ([node("Concat", "x x", axis=0)], "Concat along the batch"),
        ([node("Transpose", "x", perm=[1, 0, 2, 3])], "without the batch as its first"),
    ],
)
def test_what_nobody_may_run_is_refused(
    nodes: list[onnx.NodeProto], message: str
) -> None:
    with pytest.raises(WorkbenchError, match=message):
        import_onnx(model(nodes, **TWO))


def test_a_recurrent_layer_between_transposes_knows_its_batch() -> None:
    noise = np.random.default_rng(1)
    arrays = {
        "w": noise.standard_normal((1, 20, 18)).astype(np.float32),
        "r": noise.standard_normal((1, 20, 5)).astype(np.float32),
        "shape": np.array([0, -1, 6], np.int64),
        "one": np.array([1], np.int64),
    }
    nodes = [
        node("Transpose", "x", "a", perm=[3, 0, 1, 2]),
        node("Flatten", "a", "b", axis=2),
        node("Reshape", "b three", "c"),
        node("LSTM", "c w r", "d", hidden_size=5),
        node("Squeeze", "d one", "e"),
        node("Transpose", "e", "y", perm=[1, 0, 2]),
    ]
    nodes[1:3] = [node("Reshape", "a three", "c")]
    arrays["three"] = np.array([6, -1, 18], np.int64)
    shape = ("n", 3, 6, 6)
    program = assert_runtime(
        model(
            nodes,
            shape,
            w=arrays["w"],
            r=arrays["r"],
            three=arrays["three"],
            one=arrays["one"],
        )
    )
    assert foreign_names(program) == ["onnx.LSTM"]


@pytest.mark.parametrize("batch", [1, 3, 32])
def test_a_files_batch_may_be_any_number(batch: int) -> None:
    nodes = [
        node("Reshape", "x flat", "a"),
        node("Reshape", "a back", "b"),
        node("Expand", "one wide", "c"),
        node("Mul", "b c", "d"),
        node("Reshape", "d merged", "e"),
        node("MatMul", "e w", "f"),
        node("Reshape", "f last", "y"),
    ]
    proto = model(
        nodes,
        (batch, 3, 4, 6),
        flat=np.array([batch, -1]),
        back=np.array([batch, 3, 4, 6]),
        one=np.full((1, 3, 1, 1), 2, np.float32),
        wide=np.array([batch, 3, 1, 1]),
        merged=np.array([batch * 12, 6]),
        w=np.arange(30, dtype=np.float32).reshape(6, 5),
        last=np.array([batch, 3, 20]),
    )
    assert_runtime(proto, batch)


def test_a_branch_that_sizes_decide_is_read() -> None:
    def branch(op: str) -> onnx.GraphProto:
        end = helper.make_empty_tensor_value_info(f"{op}_y")
        return helper.make_graph([node(op, "x", f"{op}_y", name=op)], op, [], [end])

    nodes = [
        node("Shape", "x", "s", start=1, end=2),
        node("Equal", "s three", "c"),
        node("If", "c", then_branch=branch("Relu"), else_branch=branch("Neg")),
    ]
    for channels, right in ((3, "relu"), (2, "unary")):
        proto = model(nodes, ("n", channels, 4, 6), three=np.array([3]))
        assert [n.op for n in import_onnx(proto)] == ["input", right]
        assert_runtime(proto)


def test_a_decided_if_without_its_branch_is_refused() -> None:
    nodes = [node("Shape", "x", "s"), node("Size", "s", "n"), node("If", "n")]
    with pytest.raises(WorkbenchError, match="an If without the graph 'then_branch'"):
        import_onnx(model(nodes))


def test_local_functions_are_read() -> None:
    body = [
        helper.make_node("Sigmoid", ["a"], ["s"]),
        helper.make_node("Mul", ["a", "s"], ["b"]),
    ]
    silu = helper.make_function(
        "own", "Silu", ["a"], ["b"], body, [helper.make_opsetid("", 17)]
    )
    call = helper.make_node("Silu", ["x"], ["y"], domain="own")
    assert_runtime(model([call], functions=[silu]))


def test_half_precision_is_computed_in_float32() -> None:
    weight = np.random.default_rng(0).standard_normal((4, 3, 3, 3)) / 5
    nodes = [node("Conv", "x w", "c"), node("Relu", "c")]
    half = model(nodes, kind=TensorProto.FLOAT16, w=weight.astype(np.float16))
    wide = model(nodes, w=weight.astype(np.float16).astype(np.float32))
    x = images(wide)
    found = compile_graph(import_onnx(half), tune="model")(x)
    np.testing.assert_allclose(found, by_runtime(wide, x), TOLERANCE, TOLERANCE)


def test_the_rounding_of_a_file_of_16_bits_is_no_error_of_the_program(
    tmp_path: Path,
) -> None:
    nodes = [node("Cast", "x", "h", to=10), node("Mul", "h w", "m"), node("Relu", "m")]
    weight = np.full(1, 0.1, np.float16)
    half = model(nodes, kind=TensorProto.FLOAT16, w=weight)
    wide = model([nodes[1], nodes[2]], w=weight.astype(np.float32))
    wide.graph.node[0].input[0] = "x"
    x = images(wide)
    for name, proto in (("half", half), ("wide", wide)):
        path = tmp_path / f"{name}.onnx"
        onnx.save(proto, path)
        exact = OnnxSource(path, import_onnx(path)).exact((x,))
        if name == "wide":
            assert exact is None
        else:
            assert exact is not None
            np.testing.assert_allclose(exact[0], by_runtime(wide, x), 1e-7)


def test_sizes_in_front_of_a_reshape_are_computed_ahead() -> None:
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s zero", "n"),
        node("Unsqueeze", "n axis", "n1"),
        node("Gather", "s one", "c"),
        node("Mul", "c two", "c2"),
        node("Unsqueeze", "c2 axis", "c3"),
        node("Concat", "n1 c3 rest", "t", axis=0),
        node("Reshape", "x t"),
    ]
    proto = model(
        nodes,
        zero=np.array(0),
        one=np.array(1),
        two=np.array(2),
        axis=np.array([0]),
        rest=np.array([-1]),
    )
    program = assert_runtime(proto)
    assert program.output_shape == (6, 12)


def test_a_range_of_the_image_is_quantised_image_by_image(tmp_path: Path) -> None:
    nodes = [
        node("DynamicQuantizeLinear", "x", "q s z"),
        node("ConvInteger", "q w z", "i", pads=[1, 1, 1, 1]),
        node("Cast", "i", "f", to=1),
        node("Mul", "f s"),
    ]
    weight = (np.random.default_rng(2).standard_normal((4, 3, 3, 3)) * 50).astype(
        np.int8
    )
    proto = model(nodes, w=weight)
    path = tmp_path / "net.onnx"
    onnx.save(proto, path)
    program = wb.compile(path, tune="model", input_shape=(3, 4, 6))
    x = np.random.default_rng(3).standard_normal((2, 3, 4, 6), np.float32)
    right = np.concatenate([by_runtime(proto, one[None]) for one in x])
    np.testing.assert_allclose(program(x), right, 1e-5, 1e-5 * abs(right).max())
    assert foreign_names(program) == []


def test_an_image_of_bytes_comes_in_as_numbers(tmp_path: Path) -> None:
    nodes = [
        node("Transpose", "x", "t", perm=[0, 3, 1, 2]),
        node("Cast", "t", "f", to=1),
        node("Div", "f most"),
    ]
    most = np.full(1, 255, np.float32)
    proto = model(nodes, (1, 2, 3, 3), kind=TensorProto.UINT8, most=most)
    path = tmp_path / "bytes.onnx"
    onnx.save(proto, path)
    program = wb.compile(path, tune="model")
    x = np.arange(18, dtype=np.uint8).reshape(1, 2, 3, 3) * 14
    right = x.transpose(0, 3, 1, 2) / 255
    np.testing.assert_allclose(program(x.astype(np.float32)), right, 1e-6)
