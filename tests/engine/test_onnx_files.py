"""ONNX files as other programs write them: read, or refused for the right reason."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import nn
from torch.nn import functional

import workbench as wb
from workbench.capture.from_onnx.constants import MOST_FOLDED
from workbench.capture.from_onnx.onnx_import import OnnxError, import_onnx
from workbench.engine.compile import compile_graph
from workbench.engine.graph.graph import UncoveredOp
from workbench.errors import WorkbenchError
from workbench.measure.onnx_model import to_onnx

# Sums in another order.
TOLERANCE = 2e-6
Nodes = list[onnx.NodeProto]


def model(
    nodes: Nodes,
    *,
    shape: tuple[Any, ...] = (2, 3, 5, 4),
    constants: tuple[onnx.TensorProto, ...] = (),
    sparse: tuple[onnx.SparseTensorProto, ...] = (),
    opset: int = 17,
    kind: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    """Return a network from ``x`` to ``y``."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        list(constants),
        sparse_initializer=list(sparse),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def node(op: str, *inputs: str, to: str = "y", **attrs: Any) -> onnx.NodeProto:
    return helper.make_node(op, list(inputs), [to], name=f"the-{op}", **attrs)


def numbers(*shape: int) -> np.ndarray:
    count = int(np.prod(shape))
    return np.sin(np.arange(count) * 1.7).astype(np.float32).reshape(shape)


def run(proto: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    return compile_graph(import_onnx(proto), tune="model")(x)


def assert_reference(proto: onnx.ModelProto, x: np.ndarray) -> None:
    (right,) = ReferenceEvaluator(proto).run(None, {"x": x})
    found = run(proto, x)
    np.testing.assert_allclose(found.reshape(right.shape), right, 0, TOLERANCE)


@pytest.mark.parametrize("opset", [10, 13, 19, 21])
@pytest.mark.parametrize("axis", [0, None])
def test_quantised_weights_are_read(opset: int, axis: int | None) -> None:
    codes = np.arange(-12, 12, dtype=np.int8).reshape(6, 4)
    # Before opset 13 a tensor has one scale.
    axis = None if opset < 13 else axis
    scale = np.float32(0.5) if axis is None else np.arange(1, 7, dtype=np.float32)
    zero = np.zeros(np.shape(scale), np.int8)
    attrs = {} if axis is None else {"axis": axis}
    nodes = [
        node("DequantizeLinear", "q", "s", "z", to="w", **attrs),
        node("Gemm", "x", "w", "b", transB=1),
    ]
    named = {"q": codes, "s": scale, "z": zero, "b": np.zeros(6, np.float32)}
    constants = tuple(
        numpy_helper.from_array(np.asarray(a), n) for n, a in named.items()
    )
    found = run(
        model(nodes, shape=(2, 4), constants=constants, opset=opset), numbers(2, 4)
    )
    weight = codes * np.reshape(scale, (-1, 1) if axis == 0 else ())
    np.testing.assert_allclose(found, numbers(2, 4) @ weight.T, 1e-5, 1e-5)


def sparse_weight(indices: list[Any], dims: list[int]) -> onnx.SparseTensorProto:
    values = numpy_helper.from_array(np.array([2, -3, 5], np.float32), "w")
    places = numpy_helper.from_array(np.array(indices, np.int64), "w_indices")
    return helper.make_sparse_tensor(values, places, dims)


@pytest.mark.parametrize("indices", [[1, 4, 11], [[0, 1], [1, 0], [2, 3]]])
def test_sparse_initialisers_are_read(indices: list[Any]) -> None:
    weight = np.zeros((3, 4), np.float32)
    weight[0, 1], weight[1, 0], weight[2, 3] = 2, -3, 5
    proto = model(
        [node("MatMul", "x", "w")],
        shape=(2, 3),
        sparse=(sparse_weight(indices, [3, 4]),),
    )
    np.testing.assert_allclose(run(proto, numbers(2, 3)), numbers(2, 3) @ weight, 1e-6)


def test_a_sparse_constant_is_read() -> None:
    held = node("Constant", to="w", sparse_value=sparse_weight([1, 4, 11], [3, 4]))
    proto = model([held, node("MatMul", "x", "w")], shape=(1, 3))
    found = run(proto, np.array([[1, 10, 100]], np.float32))
    assert found.tolist() == [[-30.0, 2.0, 0.0, 500.0]]


@pytest.mark.parametrize(
    ("indices", "dims", "message"),
    [
        ([1, 4, 12], [3, 4], "indices within the shape"),
        ([1, -4, 11], [3, 4], "indices within the shape"),
        ([[0, 1], [1, 0], [3, 3]], [3, 4], "indices within the shape"),
        ([1, 4], [3, 4], "a row of them for each value"),
        ([1, 4, 11], [2**31, 2**31], "constants of at most 128 MiB"),
        ([1, 4, 11], [-3, 4], "senseless"),
    ],
)
def test_senseless_sparse_initialisers_are_refused(
    indices: list[Any], dims: list[int], message: str
) -> None:
    proto = model(
        [node("MatMul", "x", "w")], shape=(2, 3), sparse=(sparse_weight(indices, dims),)
    )
    with pytest.raises(OnnxError, match=message):
        import_onnx(proto)


def test_a_literal_batch_is_a_batch() -> None:
    shape = numpy_helper.from_array(np.array([32, 60], np.int64), "s")
    proto = model([node("Reshape", "x", "s")], shape=(32, 3, 5, 4), constants=(shape,))
    assert import_onnx(proto).output_shape == (60,)
    assert_reference(proto, numbers(32, 3, 5, 4))
    other = model([node("Reshape", "x", "s")], constants=(shape,))
    with pytest.raises(UncoveredOp, match=r"reshape of \(1, 3, 5, 4\) to \(32, 60\)"):
        import_onnx(other)


@pytest.mark.parametrize("cut", [{"start": 0, "end": 2}, {"start": -2}, {}])
def test_shape_says_a_part_of_it(cut: dict[str, int]) -> None:
    wanted = (2, 3, 5, 4)[cut.get("start", 0) : cut.get("end", 4)]
    nodes = [
        node("Shape", "x", to="s", **cut),
        node("ReduceProd", "s", to="p", keepdims=1),
        helper.make_node("Cast", ["p"], ["f"], to=TensorProto.FLOAT),
        node("Mul", "x", "f"),
    ]
    proto = model(nodes)
    found = run(proto, numbers(2, 3, 5, 4))
    np.testing.assert_allclose(found, numbers(2, 3, 5, 4) * np.prod(wanted), 1e-6)


class Interpolated(nn.Module):
    def __init__(self, **how: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.how = how

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.interpolate(self.conv(x), **self.how)


def layers(*more: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), *more)


EXPORTS = {
    "interpolate-size": (Interpolated(size=(16, 27)), 9),
    "interpolate-factor": (Interpolated(scale_factor=2), 8),
    "channels-last": (
        layers(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)).to(
            memory_format=torch.channels_last  # type: ignore[call-overload]
        ),
        8,
    ),
    "channels-last-flat": (
        layers(nn.Flatten(), nn.Linear(288, 3)).to(
            memory_format=torch.channels_last  # type: ignore[call-overload]
        ),
        8,
    ),
    "adaptive-4-5": (
        layers(nn.AdaptiveAvgPool2d((4, 5)), nn.Flatten(), nn.Linear(160, 3)),
        14,
    ),
    "adaptive-wide": (layers(nn.AdaptiveAvgPool2d((7, 9))), 6),
    "adaptive-rows": (layers(nn.AdaptiveAvgPool2d((3, None))), 10),
    "adaptive-whole": (layers(nn.AdaptiveAvgPool2d((4, 2))), 10),
}


@pytest.mark.parametrize("name", list(EXPORTS))
def test_own_exports_are_read_back(name: str) -> None:
    module, side = EXPORTS[name]
    module.eval()
    size = (3, 8, 9) if name == "interpolate-size" else (3, side, side)
    x = torch.from_numpy(numbers(2, *size))
    with torch.no_grad():
        right = module(x).numpy()
    proto = to_onnx(module, size)
    found = compile_graph(import_onnx(proto), tune="model")(x.numpy())
    np.testing.assert_allclose(found.reshape(right.shape), right, 0, TOLERANCE)
    (theirs,) = ReferenceEvaluator(proto).run(None, {"input": x.numpy()})
    np.testing.assert_allclose(theirs, right, 0, TOLERANCE)


def test_a_matrix_that_is_no_average_is_a_product() -> None:
    for inputs, shape in ((("x", "m"), (4, 2)), (("m", "x"), (2, 5))):
        matrix = numpy_helper.from_array(numbers(*shape), "m")
        proto = model([node("MatMul", *inputs)], constants=(matrix,))
        assert "adaptive_avg_pool" not in {n.op for n in import_onnx(proto)}
        assert_reference(proto, numbers(2, 3, 5, 4))


def test_free_sizes_name_the_argument_of_compile(tmp_path: Path) -> None:
    path = tmp_path / "free.onnx"
    onnx.save(model([node("Relu", "x")], shape=("n", 3, "h", 4)), path)
    with pytest.raises(
        OnnxError,
        match=r"input 'x' of shape \[3, 0, 4\] with free sizes.*"
        r"Pass input_shape=\(3, h, 4\).* --input-shape 3,h,4",
    ):
        wb.compile(path, tune="model")
    for given in (
        {"example": torch.zeros(1, 3, 6, 4)},
        {"input_shape": (3, 6, 4)},
        {"input_shape": (1, 3, 6, 4)},
        {"input_shape": {"x": (3, 6, 4)}},
    ):
        program = wb.compile(path, tune="model", **given)
        assert program(np.full((1, 3, 6, 4), -1, np.float32)).max() == 0
    with pytest.raises(OnnxError, match=r"an example of shape \(3, 6, 5\)"):
        wb.compile(path, example=torch.zeros(1, 3, 6, 5), tune="model")


def test_sizes_without_a_name_of_their_own_are_letters() -> None:
    proto = model([node("Relu", "x")], shape=(None, 3, "Dynamic.0", "?"))
    with pytest.raises(
        OnnxError, match=r"input_shape=\(3, H, W\).*--input-shape 3,H,W"
    ):
        import_onnx(proto)


def test_another_type_of_input_is_refused() -> None:
    proto = model([node("Relu", "x")], kind=TensorProto.STRING)
    with pytest.raises(OnnxError, match="input 'x' of string; expected images of"):
        import_onnx(proto)


def test_all_operations_that_nobody_can_run_are_named_at_once() -> None:
    other = {"domain": "com.microsoft"}
    nodes = [
        helper.make_node("Gelu", ["x"], ["a"], name="first", **other),
        node("Relu", "a", to="b"),
        node("Softsine", "b", to="c"),
        helper.make_node("Gelu", ["c"], ["d"], name="again", **other),
        node("TopK", "d", "k", to="y"),
    ]
    with pytest.raises(
        UncoveredOp,
        match=r"'ONNX Gelu of com.microsoft' in layer 'first' and 1 more; 'ONNX "
        r"Softsine' in layer 'the-Softsine'; expected one",
    ):
        import_onnx(model(nodes))


def sizes(name: str, *values: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, np.int64), name)


def loop() -> onnx.NodeProto:
    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["c2"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, ()),
            helper.make_tensor_value_info("c", TensorProto.BOOL, ()),
        ],
        [helper.make_tensor_value_info("c2", TensorProto.BOOL, ())],
    )
    return helper.make_node("Loop", ["n", ""], ["k"], body=body)


HUGE: dict[str, tuple[Nodes, tuple[onnx.TensorProto, ...]]] = {
    "Loop": ([loop()], (numpy_helper.from_array(np.array(2**40), "n"),)),
    "ConstantOfShape": ([node("ConstantOfShape", "n", to="k")], (sizes("n", 10**9),)),
    "Expand": (
        [node("Expand", "one", "n", to="k")],
        (numpy_helper.from_array(numbers(1), "one"), sizes("n", 2**20, 2**20)),
    ),
    "Tile": (
        [node("Tile", "one", "n", to="k")],
        (numpy_helper.from_array(numbers(1), "one"), sizes("n", 10**9)),
    ),
    "Range": (
        [node("Range", "a", "n", "d", to="k")],
        tuple(
            numpy_helper.from_array(np.array(v, np.float32), n)
            for n, v in (("a", 0), ("n", 1e30), ("d", 1e-30))
        ),
    ),
    "Add": (
        [node("Add", "a", "n", to="k")],
        (
            numpy_helper.from_array(numbers(40000, 1), "a"),
            numpy_helper.from_array(numbers(1, 40000), "n"),
        ),
    ),
    "RandomNormal": ([node("RandomNormal", to="k", shape=[10**9])], ()),
    "NonZero": ([node("NonZero", "one", to="k")], (sizes("one", 1, 0, 1),)),
}


@pytest.mark.parametrize("name", list(HUGE))
def test_constants_without_limit_are_refused(name: str) -> None:
    nodes, constants = HUGE[name]
    proto = model([*nodes, node("Add", "x", "k")], constants=constants)
    with pytest.raises(OnnxError, match=rf"the constant 'k', made by ONNX {name}"):
        import_onnx(proto)


def test_too_many_constant_nodes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_FOLDED == 10_000
    monkeypatch.setattr("workbench.capture.from_onnx.constants.MOST_FOLDED", 3)
    names = ["one", *(f"k{i}" for i in range(4)), "k"]
    chain = [node("Neg", a, to=b) for a, b in pairwise(names)]
    one = numpy_helper.from_array(numbers(1), "one")
    with pytest.raises(OnnxError, match="more than 3 constants that must be computed"):
        import_onnx(model([*chain, node("Add", "x", "k")], constants=(one,)))


def external(name: str, length: int, location: str) -> onnx.TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[3, 4])
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "length": str(length)}.items():
        tensor.external_data.add(key=key, value=value)
    return tensor


@pytest.mark.parametrize("location", ["w.bin", "../w.bin", "/etc/hostname", ""])
def test_weights_in_a_missing_file_are_refused(location: str, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    weight = external("w", 48, location)
    proto = model([node("MatMul", "x", "w")], shape=(1, 3), constants=(weight,))
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(OnnxError, match="another file that cannot be read"):
        import_onnx(path)
    with pytest.raises(OnnxError, match="'w' lies in another file"):
        import_onnx(proto)


@pytest.mark.parametrize(("length", "right"), [(48, True), (40, False), (2**50, False)])
def test_weights_beside_the_file_are_read_whole(
    length: int, right: bool, tmp_path: Path
) -> None:
    path = tmp_path / "net.onnx"
    (tmp_path / "w.bin").write_bytes(numbers(3, 4).tobytes())
    weight = external("w", length, "w.bin")
    proto = model([node("MatMul", "x", "w")], shape=(1, 3), constants=(weight,))
    path.write_bytes(proto.SerializeToString())
    if right:
        found = compile_graph(import_onnx(path), tune="model")(numbers(1, 3))
        np.testing.assert_allclose(found, numbers(1, 3) @ numbers(3, 4), 1e-5, 1e-6)
    else:
        with pytest.raises(WorkbenchError):
            import_onnx(path)
