"""ONNX files that are made by hand, and what others compute with them."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper, shape_inference

from workbench.models.network import Network
from workbench.pruning.pruned import PrunedNetwork

# float32 against float32 in another order.
CLOSE = 1e-4


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


X = numbers(2, 3, 8, 8, seed=99)
"""Two images for networks of (3, 8, 8)."""


def model_of(
    nodes: Sequence[onnx.NodeProto],
    weights: Mapping[str, np.ndarray],
    *,
    inputs: Mapping[str, Sequence[Any]],
    outputs: Sequence[str] = ("y",),
    opset: int = 17,
    ir_version: int = 8,
) -> onnx.ModelProto:
    """Return a model; free sizes are names."""
    made = helper.make_graph(
        list(nodes),
        "made by hand",
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in inputs.items()
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
            for name in outputs
        ],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(
        made,
        producer_name="hand",
        ir_version=ir_version,
        opset_imports=[helper.make_opsetid("", opset)],
    )
    return shape_inference.infer_shapes(model)


def saved(model: onnx.ModelProto, folder: Path, name: str = "net.onnx") -> Path:
    path = folder / name
    onnx.save(model, path)
    return path


def run(path: Path, **feeds: np.ndarray) -> list[np.ndarray]:
    """Return what ONNX Runtime, or ONNX's own evaluator, makes of a file."""
    if find_spec("onnxruntime") is not None:
        import onnxruntime

        session = onnxruntime.InferenceSession(
            str(path), providers=["CPUExecutionProvider"]
        )
        return list(session.run(None, feeds))
    from onnx.reference import ReferenceEvaluator

    return list(ReferenceEvaluator(str(path)).run(None, feeds))


def weights_of(path: Path) -> dict[str, np.ndarray]:
    """Return a file's constants by name."""
    graph = onnx.load(path).graph
    found = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            found[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    return found


def classifier() -> onnx.ModelProto:
    """Return a residual network with batch norms: eight channels, then five classes."""
    nodes = [
        helper.make_node("Conv", ["x", "stem.weight"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node(
            "BatchNormalization", ["a", "gamma", "beta", "mean", "var"], ["b"], "norm"
        ),
        helper.make_node("Relu", ["b"], ["c"], "relu"),
        helper.make_node("Conv", ["c", "w1", "b1"], ["d"], "block/a", pads=[1] * 4),
        helper.make_node("Relu", ["d"], ["e"]),
        helper.make_node("Conv", ["e", "w2", "b2"], ["f"], "block/b", pads=[1] * 4),
        helper.make_node("Add", ["f", "c"], ["g"]),
        helper.make_node(
            "AveragePool", ["g"], ["h"], kernel_shape=[2, 2], strides=[2, 2]
        ),
        helper.make_node("Reshape", ["h", "sizes"], ["i"]),
        helper.make_node(
            "Gemm", ["i", "wf", "bf"], ["j"], "hidden", alpha=0.5, beta=2.0
        ),
        helper.make_node("Relu", ["j"], ["k"]),
        helper.make_node("MatMul", ["k", "wo"], ["l"], "scores"),
        helper.make_node("Add", ["l", "bo"], ["y"]),
    ]
    weights = {
        "stem.weight": numbers(8, 3, 3, 3),
        "gamma": numbers(8, seed=1),
        "beta": numbers(8, seed=2),
        "mean": numbers(8, seed=3),
        "var": np.abs(numbers(8, seed=4)) + 0.5,
        "w1": numbers(12, 8, 3, 3, seed=5),
        "b1": numbers(12, seed=6),
        "w2": numbers(8, 12, 3, 3, seed=7),
        "b2": numbers(8, seed=8),
        "sizes": np.array([0, 128], np.int64),
        "wf": numbers(128, 16, seed=9),
        "bf": numbers(16, seed=10),
        "wo": numbers(16, 5, seed=11),
        "bo": numbers(5, seed=12),
    }
    return model_of(nodes, weights, inputs={"x": ("n", 3, 8, 8)})


def made_by(net: Network | PrunedNetwork, *x: np.ndarray) -> list[np.ndarray]:
    with torch.inference_mode():
        made = net.module(*map(torch.from_numpy, x or (X,)))
    return [
        one.numpy() for one in (made.values() if isinstance(made, dict) else [made])
    ]


def differs(found: list[np.ndarray], wanted: list[np.ndarray]) -> float:
    pairs = list(zip(found, wanted, strict=True))
    assert all(a.shape == b.shape for a, b in pairs)
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs)
