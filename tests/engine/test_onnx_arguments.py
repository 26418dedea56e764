"""Every argument of every ONNX operation is honoured, or refused by name.

The declared table is compared with ONNX's schemas of opset 7 to 23, and its cases with
the ONNX project's reference evaluator.
"""

from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from tests.engine.onnx_array_cases import ARRAY_CASES
from tests.engine.onnx_cases import CASES, Case, Cases, models, numbers, schemas
from tests.engine.onnx_move_cases import MOVE_CASES
from workbench.capture.from_onnx.call import CONSTANT
from workbench.capture.from_onnx.onnx_import import import_onnx
from workbench.capture.from_onnx.table import OPERATIONS
from workbench.engine.compile import compile_graph
from workbench.errors import WorkbenchError

ALL_CASES = {**CASES, **MOVE_CASES, **ARRAY_CASES}
# Sums in another order.
TOLERANCE = 5e-6

BY_RUNTIME = (
    *("MaxPool", "LpPool", "GlobalMaxPool", "BatchNormalization", "Upsample"),
    "Resize",
    *("Softmax", "LogSoftmax", "LpNormalization", "DequantizeLinear", "LRN"),
)
"""The reference's pools of uneven pads are others, before opset 14 its batch norm takes
the statistics of the batch, its softmax has no form of before 13, its norm of order one
has signs, its LRN as many channels as there are images;
its resize has places in double precision."""


def expected(model: onnx.ModelProto, x: np.ndarray) -> list[np.ndarray]:
    """Return what the reference says, or onnxruntime where the reference fails."""
    try:
        node = model.graph.node[-1]
        # The runtime's crop knows no place outside of the image.
        crops = any(a.s == b"tf_crop_and_resize" for a in node.attribute)
        if node.op_type in BY_RUNTIME and not crops:
            raise NotImplementedError
        return list(ReferenceEvaluator(model).run(None, {"x": x}))
    except (NotImplementedError, TypeError, ValueError):
        data = model.SerializeToString()
        session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
        return list(session.run(None, {"x": x}))


def single_outputs(model: onnx.ModelProto) -> list[onnx.ModelProto]:
    """Return a copy of the model for each output: a network has one."""
    found = []
    for output in model.graph.output:
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        del copy.graph.output[:]
        copy.graph.output.append(output)
        found.append(copy)
    return found


def outcome(case: Case, model: onnx.ModelProto) -> str:
    """Return ``equal``, ``foreign`` if ONNX's evaluator did it, or the refusal."""
    if model.graph.node[-1].op_type == "Dropout":
        del model.graph.output[1:]
    x = numbers(*case.shape) * 2
    found, ops = [], set()
    for one in single_outputs(model):
        try:
            graph = import_onnx(one)
            found.append(compile_graph(graph, tune="model")(x))
        except WorkbenchError as error:
            return str(error)
        ops |= {node.op for node in graph}
    for mine, right in zip(found, expected(model, x), strict=False):
        assert mine.shape == right.shape
        np.testing.assert_allclose(mine, right, TOLERANCE, TOLERANCE)
    return "foreign" if "foreign" in ops else "equal"


def check_cases(op: str, cases: Cases) -> None:
    """Check that every case of an operation is equal, foreign or refused as it says."""
    seen: Counter[int] = Counter()
    for name, case, opset, model in models({op: cases[op]}):
        seen[id(case)] += 1
        try:
            result = outcome(case, model)
        except Exception as error:
            error.add_note(f"{name} {opset}: {case}")
            raise
        if case.refused:
            assert "; expected" in result, (opset, case, result)
        else:
            wanted = "foreign" if case.foreign else "equal"
            assert result == wanted, (opset, case, result)
    assert set(seen) == {id(case) for case in cases[op]}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("op", list(CASES))
def test_every_case_is_equal_or_refused(op: str) -> None:
    check_cases(op, CASES)


@pytest.mark.parametrize("op", list(OPERATIONS))
def test_no_argument_is_undecided(op: str) -> None:
    known = OPERATIONS[op]
    for opset, schema in schemas(op):
        assert known.declared.undecided(schema.attributes) == [], (op, opset)
        for index in range(len(schema.inputs)):
            assert known.input_kind(index) is not None, (op, opset, index)


@pytest.mark.parametrize("op", list(OPERATIONS))
def test_every_argument_has_a_case(op: str) -> None:
    named = {name for case in ALL_CASES[op] for name in case.args}
    # Of opset 6 only; a network of opset 7 cannot have them.
    old = {"broadcast", "is_test", "consumed_inputs", "axis"} - {
        name for _, schema in schemas(op) for name in schema.attributes
    }
    known = OPERATIONS[op]
    verdicts = known.declared
    wanted = {*verdicts.read, *verdicts.only, *verdicts.ignored}
    wanted |= {name for name, kind in known.inputs if kind == CONSTANT}
    assert wanted - named - old == set()


def test_a_value_outside_of_the_table_is_named() -> None:
    model = next(
        m
        for op, case, _, m in models(CASES)
        if op == "BatchNormalization" and "training_mode" in case.args
    )
    with pytest.raises(
        WorkbenchError,
        match=r"ONNX BatchNormalization in training mode \(training_mode=1\)",
    ):
        import_onnx(model)


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("slope", 0.1, "ONNX Relu with the attribute slope=0.1"),
        ("consumed_inputs", [0], "ONNX Relu with the attribute consumed_inputs"),
    ],
)
def test_an_attribute_that_onnx_does_not_have_is_refused(
    attribute: str, value: object, message: str
) -> None:
    node = helper.make_node("Relu", ["x"], ["y"], **{attribute: value})
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 4))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    with pytest.raises(WorkbenchError, match=message):
        import_onnx(
            helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)])
        )


def test_the_average_of_a_padded_corner_counts_its_zeros() -> None:
    node = helper.make_node(
        "AveragePool",
        ["x"],
        ["y"],
        kernel_shape=[3, 3],
        strides=[2, 2],
        pads=[0, 0, 1, 1],
        count_include_pad=1,
    )
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 1, 4, 4))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    x = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    found = compile_graph(import_onnx(model), tune="model")(x)[0, 0]
    # Corner: (10 + 11 + 14 + 15) / 9; a window of nine counts its five zeros.
    np.testing.assert_allclose(found, [[5, 39 / 9], [66 / 9, 50 / 9]], 1e-6)


def test_an_even_window_of_channels_has_one_more_behind() -> None:
    node = helper.make_node("LRN", ["x"], ["y"], size=2, alpha=2.0, beta=1.0, bias=1.0)
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 1, 1))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    x = np.array([1, 2, 3], np.float32).reshape(1, 3, 1, 1)
    found = compile_graph(import_onnx(model), tune="model")(x).reshape(-1)
    # From c - floor(1 / 2) to c + ceil(1 / 2): 1 / (1 + 1 + 4), 2 / (1 + 4 + 9).
    np.testing.assert_allclose(found, [1 / 6, 2 / 14, 3 / 10], 1e-6)
