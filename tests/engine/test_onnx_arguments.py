"""Every argument of every ONNX operation is honoured, or refused by name.

The declared table is compared with ONNX's schemas of opset 7 to 22, and its cases with
the ONNX project's reference evaluator.
"""

from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from tests.engine.onnx_cases import CASES, Case, models, numbers, schemas
from workbench.capture.from_onnx.call import CONSTANT
from workbench.capture.from_onnx.onnx_import import import_onnx
from workbench.capture.from_onnx.table import OPERATIONS
from workbench.engine.compile import compile_graph
from workbench.errors import WorkbenchError

# Sums in another order.
TOLERANCE = 2e-6


def expected(model: onnx.ModelProto, x: np.ndarray) -> list[np.ndarray]:
    """Return what the reference says, or onnxruntime where the reference fails.

    Its maximum of uneven pads has another shape; before opset 14 its batch norm takes
    the statistics of the batch, as no runtime does for one output.
    """
    try:
        if model.graph.node[0].op_type in ("MaxPool", "BatchNormalization"):
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
    """Return ``equal`` or what the refusal says."""
    if model.graph.node[0].op_type == "Dropout":
        del model.graph.output[1:]
    x = numbers(*case.shape) * 2
    found = []
    for one in single_outputs(model):
        try:
            found.append(compile_graph(import_onnx(one), tune="model")(x))
        except WorkbenchError as error:
            return str(error)
    for mine, right in zip(found, expected(model, x), strict=False):
        np.testing.assert_allclose(
            mine.reshape(right.shape), right, TOLERANCE, TOLERANCE
        )
    return "equal"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("op", list(OPERATIONS))
def test_every_case_is_equal_or_refused(op: str) -> None:
    seen: Counter[int] = Counter()
    for name, case, opset, model in models():
        if name != op:
            continue
        seen[id(case)] += 1
        try:
            result = outcome(case, model)
        except Exception as error:
            error.add_note(f"{op} {opset}: {case}")
            raise
        if case.refused:
            assert "; expected" in result, (opset, case, result)
        else:
            assert result == "equal", (opset, case, result)
    assert set(seen) == {id(case) for case in CASES[op]}


@pytest.mark.parametrize("op", list(OPERATIONS))
def test_no_argument_is_undecided(op: str) -> None:
    known = OPERATIONS[op]
    for opset, schema in schemas(op):
        assert known.declared.undecided(schema.attributes) == [], (op, opset)
        for index in range(len(schema.inputs)):
            assert known.input_kind(index) is not None, (op, opset, index)


@pytest.mark.parametrize("op", list(OPERATIONS))
def test_every_argument_has_a_case(op: str) -> None:
    named = {name for case in CASES[op] for name in case.args}
    # Of opset 6 only; a network of opset 7 cannot have them.
    old = {"broadcast", "is_test", "consumed_inputs", "axis"} - {
        name for _, schema in schemas(op) for name in schema.attributes
    }
    known = OPERATIONS[op]
    verdicts = known.declared
    wanted = {*verdicts.read, *verdicts.only, *verdicts.ignored}
    wanted |= {name for name, kind in known.inputs if kind == CONSTANT}
    assert wanted - named - old - {"roi"} == set()


def test_a_value_outside_of_the_table_is_named() -> None:
    model = next(
        m
        for op, case, _, m in models()
        if op == "BatchNormalization" and "training_mode" in case.args
    )
    with pytest.raises(
        WorkbenchError,
        match=r"ONNX BatchNormalization with the attribute training_mode=1",
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
