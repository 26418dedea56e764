"""The ONNX project's own backend test cases, for every operation that is covered.

A case either gives the published output or is refused by name before anything runs;
the cases that must pass are counted per operation, so a translation cannot quietly
start to refuse what it could read.
"""

import collections
import warnings
from functools import cache
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from workbench.capture.from_onnx.onnx_import import import_onnx
from workbench.capture.from_onnx.table import OPERATIONS
from workbench.engine.compile import compile_graph
from workbench.errors import WorkbenchError

# The published outputs are float32 results of another order of summation.
RELATIVE, ABSOLUTE = 1e-4, 1e-5
# This case publishes its output rounded to four digits.
ROUNDED = {"test_averagepool_2d_ceil_last_window_starts_on_pad": 1e-4}
# ONNX Runtime, which a program is compared with, takes whole lengths between corners.
OF_PARTS = (
    "test_resize_downsample_scales_linear_align_corners",
    "test_resize_downsample_scales_cubic_align_corners",
)
# Cases that must run, by operation: what a CNN consists of.
MUST_RUN = {
    "ArgMax": 4,
    "AveragePool": 15,
    "BatchNormalization": 4,
    "Clip": 1,
    "Conv": 18,
    "ConvTranspose": 12,
    "DepthToSpace": 2,
    "Flatten": 4,
    "Gemm": 11,
    "GlobalAveragePool": 2,
    "GlobalMaxPool": 2,
    "GroupNormalization": 2,
    "InstanceNormalization": 3,
    "LRN": 2,
    "LogSoftmax": 5,
    "LpPool": 6,
    "MatMul": 5,
    "MaxPool": 13,
    "Mul": 1,
    "PRelu": 2,
    "Pad": 8,
    "ReduceMax": 8,
    "ReduceSum": 10,
    "Relu": 1,
    "Resize": 37,
    "Sigmoid": 2,
    "Softmax": 6,
    "SpaceToDepth": 4,
    "Split": 1,
    "Upsample": 1,
}


@cache
def cases() -> tuple[Any, ...]:
    """Return the cases whose operations all have a translation and float inputs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.loader import load_model_tests

        kinds = ("node", "pytorch-converted", "pytorch-operator")
        found = [case for kind in kinds for case in load_model_tests(kind=kind)]
    return tuple(case for case in found if covered(model_of(case)))


def model_of(case: Any) -> onnx.ModelProto:
    if case.model is not None:
        return case.model
    return onnx.load(f"{case.model_dir}/model.onnx")


def covered(model: onnx.ModelProto) -> bool:
    operations = {node.op_type for node in model.graph.node}
    elements = [i.type.tensor_type.elem_type for i in model.graph.input[:1]]
    known = operations <= set(OPERATIONS) | {"Constant"}
    return known and elements == [onnx.TensorProto.FLOAT]


def tensors_of(case: Any) -> tuple[list[Any], list[Any]]:
    """Return the input and output arrays of a case's first data set."""
    if case.data_sets:
        inputs, outputs = case.data_sets[0]
        return list(inputs), list(outputs)
    folder = f"{case.model_dir}/test_data_set_0"
    model = model_of(case)
    named = [i for i in model.graph.input]
    given = {t.name for t in model.graph.initializer}
    count = sum(1 for i in named if i.name not in given)
    read = [
        [
            numpy_helper.to_array(onnx.load_tensor(f"{folder}/{kind}_{i}.pb"))
            for i in range(n)
        ]
        for kind, n in (("input", count), ("output", len(model.graph.output)))
    ]
    return read[0], read[1]


def outcome(case: Any) -> str:
    """Return 'ran', or the reason of the refusal; a wrong output is an error."""
    model = model_of(case)
    inputs, outputs = tensors_of(case)
    given = {tensor.name for tensor in model.graph.initializer}
    names = [i.name for i in model.graph.input if i.name not in given]
    x = np.asarray(inputs[0])
    if case.name in OF_PARTS:
        return "of another place: the length of the result is no whole number"
    if x.ndim < 2 or len(outputs) != 1 or np.asarray(outputs[0]).ndim < 2:
        return "not one batch of images or features"
    constants = dict(zip(names[1:], map(np.asarray, inputs[1:]), strict=True))
    try:
        graph = import_onnx(model, constants=constants, input_shape=x.shape[1:])
        program = compile_graph(graph, tune="model")
    except WorkbenchError as error:
        return f"refused: {error.found}"
    found = program(np.ascontiguousarray(x, np.float32))
    expected = np.asarray(outputs[0])
    np.testing.assert_allclose(
        found.reshape(expected.shape),
        expected,
        RELATIVE,
        ROUNDED.get(case.name, ABSOLUTE),
        err_msg=case.name,
    )
    return "ran"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_covered_operations_give_the_published_outputs() -> None:
    ran: collections.Counter[str] = collections.Counter()
    refused = []
    for case in cases():
        result = outcome(case)
        operations = {n.op_type for n in model_of(case).graph.node}
        if result == "ran":
            ran.update(operations)
        else:
            refused.append(f"{case.name}: {result}")
    short = {op: ran[op] for op, least in MUST_RUN.items() if ran[op] < least}
    assert not short, (short, refused)
    assert all(": " in reason for reason in refused)
