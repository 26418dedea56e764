"""Networks exported by torch come back from ONNX as the same program, without torch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

import workbench as wb
from tests.engine.zoo import ARCHITECTURES, Architecture
from tests.engine.zoo.tolerance import assert_same_output, random_batch_norms
from workbench.capture.from_onnx.onnx_import import OnnxError, import_onnx
from workbench.engine.compile import compile_graph
from workbench.engine.graph.graph import UncoveredOp
from workbench.errors import WorkbenchError

EXPORTED = ("mobilenetv3-small", "shufflenetv2", "squeezenet")


def exported(architecture: Architecture, path: Path) -> torch.nn.Module:
    """Write the architecture to an ONNX file with a free batch axis."""
    module = random_batch_norms(architecture.build())
    example = torch.rand(2, *architecture.input_shape)
    program = torch.onnx.export(
        module,
        (example,),
        dynamo=True,
        dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
        verbose=False,
    )
    assert program is not None
    program.save(path)
    return module


@pytest.mark.parametrize("name", EXPORTED)
def test_exported_network_equals_torch(name: str, tmp_path: Path) -> None:
    architecture = next(a for a in ARCHITECTURES if a.name == name)
    module = exported(architecture, tmp_path / "net.onnx")
    program = wb.compile(tmp_path / "net.onnx", tune="model")
    x = torch.rand(2, *architecture.input_shape, generator=torch.manual_seed(4))
    assert_same_output(module, program, x)


def tiny(operation: str = "Relu", shape: tuple[object, ...] = ("n", 3, 8, 8)) -> object:
    """Return a model of one convolution and one more operation."""
    weight = np.arange(4 * 3, dtype=np.float32).reshape(4, 3, 1, 1)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w"], ["c"], name="/stem/Conv"),
            helper.make_node(operation, ["c"], ["y"], name="/stem/Act"),
        ],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [onnx.numpy_helper.from_array(weight, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def test_a_file_runs_without_torch(tmp_path: Path) -> None:
    path = tmp_path / "tiny.onnx"
    onnx.save(tiny(), path)
    code = (
        "import sys, numpy as np, workbench as wb;"
        f"program = wb.compile({str(path)!r}, tune='model');"
        "y = program(np.ones((1, 3, 8, 8), np.float32));"
        "print(y[0, :, 0, 0].tolist(), 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[3.0, 12.0, 21.0, 30.0] False"


def test_an_uncovered_operation_is_refused_by_name() -> None:
    with pytest.raises(UncoveredOp, match=r"ONNX Softsine' in layer '/stem/Act'"):
        import_onnx(tiny("Softsine"))


def test_a_free_height_needs_a_shape() -> None:
    model = tiny(shape=(1, 3, "h", 8))
    with pytest.raises(OnnxError, match=r"input 'x' of shape \[3, 0, 8\]"):
        import_onnx(model)
    assert import_onnx(model, input_shape=(3, 6, 8)).output_shape == (4, 6, 8)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cut.onnx"
    onnx.save(tiny(), path)
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(OnnxError, match=r"cut.onnx cannot be read as ONNX"):
        import_onnx(path)


def test_no_threads_is_refused() -> None:
    with pytest.raises(WorkbenchError, match=r"threads=0; expected an integer from 1"):
        compile_graph(import_onnx(tiny()), threads=0)
