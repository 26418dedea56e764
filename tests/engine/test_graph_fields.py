"""The graph's door: every attribute has a range, and every node passes by it."""

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from workbench.capture.from_onnx.onnx_import import import_onnx
from workbench.engine.graph.fields import FIELDS, MOST_ELEMENTS
from workbench.engine.graph.graph import Graph, GraphError, Node
from workbench.engine.graph.ops import COVERED
from workbench.errors import WorkbenchError

SHAPE = (2, 8, 8)
INPUT = Node("input", "input", (), SHAPE, {"shape": SHAPE})
HUGE = 2**63 - 1
CONV = {
    "weight": np.ones((2, 2, 1, 1), np.float32),
    "bias": np.zeros(2, np.float32),
}
POOL = {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0, 0, 0)}


def refused(op: str, attrs: dict[str, Any], **fields: Any) -> str:
    """Return what the graph says about a node that reads the input."""
    node = Node("n", op, ("input",), SHAPE, attrs, fields.pop("params", {}))
    with pytest.raises(GraphError) as caught:
        Graph("g", (INPUT, node.but(**fields)), "n")
    return str(caught.value)


def test_every_operation_has_fields() -> None:
    assert set(FIELDS) == set(COVERED)


@pytest.mark.parametrize("op", ["max_pool", "avg_pool"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stride": (HUGE, 1)}, f"stride ({HUGE}, 1) of an operation"),
        ({"stride": (0, 1)}, "stride (0, 1)"),
        ({"stride": (2.0, 2)}, "stride (2.0, 2)"),
        ({"stride": (True, 2)}, "stride (True, 2)"),
        ({"stride": 2}, "expected 2 integers from 1 to 1048576"),
        ({"kernel": (-2, 2)}, "kernel (-2, 2)"),
        ({"padding": (0, 0, 0, -1)}, "padding (0, 0, 0, -1)"),
        ({"padding": (2, 0, 0, 0)}, "less padding than the window is wide"),
        ({"padding": (0, 0)}, "padding (0, 0)"),
        ({"ceil_mode": 1}, "ceil_mode 1"),
        ({"dilation": (2, 2)}, "an attribute 'dilation'"),
    ],
)
def test_windows_have_ranges(op: str, change: dict[str, Any], message: str) -> None:
    assert message in refused(op, {**POOL, **change})


@pytest.mark.parametrize(
    ("op", "attrs", "message"),
    [
        ("flatten", {"rank": 300_000_000}, "rank 300000000"),
        ("flatten", {"rank": 2}, "expected 1 or 3"),
        ("global_avg_pool", {"rank": -1}, "rank -1"),
        ("adaptive_avg_pool", {"size": (2**20, 2**20)}, "elements; expected at most"),
        ("adaptive_avg_pool", {"size": (2**21, 1)}, "size (2097152, 1)"),
        ("adaptive_avg_pool", {}, "without size"),
        ("upsample_nearest", {"scale": (2**20, 2**20)}, "elements; expected at most"),
        ("upsample_nearest", {"scale": (0, 1)}, "scale (0, 1)"),
        ("channel_shuffle", {"groups": 0}, "groups 0"),
        ("slice", {"start": 0, "stop": HUGE}, f"stop {HUGE}"),
        ("clip", {"lo": float("nan"), "hi": 1.0}, "lo nan"),
        ("clip", {"lo": "0", "hi": 1.0}, "lo '0'"),
        ("relu", {"slope": 0.1}, "an attribute 'slope'"),
        ("mul", {}, "1 inputs of an operation 'mul'; expected 2"),
        ("max_pool", {}, "without kernel"),
    ],
)
def test_operations_have_ranges(op: str, attrs: dict[str, Any], message: str) -> None:
    assert message in refused(op, attrs)


@pytest.mark.parametrize(
    ("attrs", "message"),
    [
        ({"groups": 0}, "groups 0"),
        ({"groups": -1}, "groups -1"),
        ({"dilation": (HUGE, 1)}, f"dilation ({HUGE}, 1)"),
        ({"padding": (2**20,) * 4}, "elements; expected at most"),
        ({"act": ("sinh", 0.0, 0.0)}, "act ('sinh', 0.0, 0.0)"),
        ({"act": ["clip", None, 1.0]}, "act ['clip', None, 1.0]"),
    ],
)
def test_convolutions_have_ranges(attrs: dict[str, Any], message: str) -> None:
    assert message in refused("conv2d", attrs, params=CONV)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"weight": CONV["weight"]}, "with the parameters weight"),
        ({**CONV, "mask": CONV["bias"]}, "weight, bias, mask"),
        ({**CONV, "weight": np.ones((2, 2, 1), np.float32)}, "weight (2, 2, 1)"),
        ({**CONV, "weight": np.ones((2, 2, 0, 1), np.float32)}, "none of them empty"),
    ],
)
def test_parameters_are_named_and_have_axes(
    params: dict[str, Any], message: str
) -> None:
    assert message in refused("conv2d", {}, params=params)


@pytest.mark.parametrize(
    "shape", [(), (0, 4, 4), (3, 2**16, 2**16), (2,) * 9, (3.0, 4, 4), ("3", 4, 4)]
)
def test_inputs_have_ranges(shape: tuple[Any, ...]) -> None:
    with pytest.raises(GraphError, match="layer 'input': an input of shape"):
        Graph("g", (Node("input", "input", (), shape),), "input")


def test_a_declared_shape_is_integers() -> None:
    assert "declares the shape (2.0, 8, 8)" in refused("relu", {}, shape=(2.0, 8, 8))


def test_names_are_strings() -> None:
    assert "no name" in refused("relu", {}, id=["n"])
    with pytest.raises(GraphError, match="is no node"):
        Graph("g", (INPUT,), [])  # type: ignore[arg-type]


def test_the_largest_tensor_is_stated() -> None:
    assert MOST_ELEMENTS == 2_147_483_647
    fits = Node("input", "input", (), (MOST_ELEMENTS,))
    assert Graph("g", (fits,), "input").output_shape == (MOST_ELEMENTS,)


@pytest.mark.parametrize("strides", [[HUGE, HUGE], [1, 2**40], [-1, 1], [0, 0]])
@pytest.mark.parametrize("operation", ["MaxPool", "AveragePool"])
def test_a_small_file_with_a_huge_stride_is_refused(
    operation: str, strides: list[int]
) -> None:
    node = helper.make_node(
        operation, ["x"], ["y"], name="down", kernel_shape=[2, 2], strides=strides
    )
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 8, 8))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    assert len(model.SerializeToString()) < 300
    with pytest.raises(WorkbenchError, match=r"layer 'down.*stride \("):
        import_onnx(onnx.load_from_string(model.SerializeToString()))
