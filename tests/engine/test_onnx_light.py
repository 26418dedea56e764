"""Networks that other people exported: those that the onnx package brings along.

Their weights are described rather than stored; random ones take their place. The last
Softmax, which the engine does not have, is refused by name and then cut off.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from workbench.capture.from_onnx.onnx_import import import_onnx
from workbench.engine.compile import compile_graph
from workbench.engine.graph.graph import UncoveredOp

FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
# Fifty layers and more, summed in another order.
TOLERANCE = 2e-5

UNCOVERED = {
    "bvlc_alexnet": "'ONNX LRN' in layer 'n2' and 1 more; 'ONNX Softmax'",
    "inception_v1": "'ONNX LRN' in layer 'n3' and 1 more; 'ONNX Softmax'",
    "inception_v2": "'ONNX Softmax' in layer 'n508'",
    "resnet50": "'ONNX Softmax' in layer 'n175'",
    "shufflenet": "'ONNX Softmax' in layer 'n202'",
    "squeezenet": "'ONNX Softmax' in layer 'n65'",
    "vgg19": "'ONNX Softmax' in layer 'n45'",
    "zfnet512": "'ONNX LRN' in layer 'n2' and 1 more; 'ONNX Softmax'",
}


def load(name: str) -> onnx.ModelProto:
    return onnx.load(FOLDER / f"light_{name}.onnx")


@pytest.mark.parametrize("name", list(UNCOVERED))
def test_what_is_not_covered_is_named_at_once(name: str) -> None:
    with pytest.raises(UncoveredOp) as caught:
        import_onnx(load(name))
    assert f"operation {UNCOVERED[name]}" in str(caught.value)
    assert "expected one of the covered operations: Add, AveragePool" in str(
        caught.value
    )


def filled(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with random weights and without its last Softmax."""
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
        array = weight.astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(array, node.output[0]))
    if kept[-1].op_type == "Softmax":
        result = helper.make_tensor_value_info(
            kept[-1].input[0], TensorProto.FLOAT, None
        )
        del model.graph.output[:]
        model.graph.output.append(result)
        kept.pop()
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return model


@pytest.mark.parametrize("name", ["shufflenet", "squeezenet"])
def test_the_rest_equals_onnxruntime(name: str) -> None:
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
