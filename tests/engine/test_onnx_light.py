"""Networks that other people exported: those that the onnx package brings along.

Their weights are described rather than stored; random ones take their place.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from workbench.capture.from_onnx.onnx_import import import_onnx
from workbench.engine.compile import compile_graph

FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
# Fifty layers and more, summed in another order.
TOLERANCE = 2e-5

NAMES = (
    *("bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50"),
    *("shufflenet", "squeezenet", "vgg19", "zfnet512"),
)


def load(name: str) -> onnx.ModelProto:
    return onnx.load(FOLDER / f"light_{name}.onnx")


@pytest.mark.parametrize("name", ["inception_v1", "shufflenet"])
def test_every_operation_is_the_engines_own(name: str) -> None:
    graph = import_onnx(load(name))
    assert graph.node(graph.output).op == "softmax"
    assert "foreign" not in {node.op for node in graph}


def test_these_are_all_of_them() -> None:
    found = {path.name for path in FOLDER.glob("light_*.onnx")}
    assert found == {f"light_{name}.onnx" for name in NAMES}


def filled(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with random weights, small ones before its softmax."""
    rng = np.random.default_rng(5)
    sizes = {c.name: numpy_helper.to_array(c) for c in model.graph.initializer}
    variances = {
        n.input[4] for n in model.graph.node if n.op_type == "BatchNormalization"
    }
    kept = []
    for node in model.graph.node:
        if node.op_type != "ConstantOfShape":
            kept.append(node)
            continue
        shape = sizes[node.input[0]].tolist()
        fan = max(1, int(np.prod(shape[1:])))
        weight = rng.standard_normal(shape) * (2 / fan) ** 0.5
        if node.output[0] in variances:
            weight = np.abs(weight) + 0.5
        if len(shape) < 2 or 1000 in shape[:2]:
            # A softmax of large numbers would say nothing of all but one of them.
            weight = weight / 20
        array = weight.astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(array, node.output[0]))
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return model


@pytest.mark.parametrize("name", ["shufflenet", "squeezenet"])
def test_a_network_equals_onnxruntime(name: str) -> None:
    model = filled(load(name))
    graph = import_onnx(model)
    x = np.random.default_rng(6).standard_normal((1, *graph.input_shape))
    x = x.astype(np.float32)
    data = model.SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    (right,) = session.run(None, {session.get_inputs()[0].name: x})
    found = compile_graph(graph, tune="model")(x).reshape(right.shape)
    scale = float(np.abs(right).max())
    assert scale > 1e-3
    np.testing.assert_allclose(found / scale, right / scale, 0, TOLERANCE)
