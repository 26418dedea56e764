"""ONNX models of other programs: fields of the protobuf are changed, then read again.

What is read and small is compiled and run as well.
"""

from collections.abc import Callable
from functools import cache
from math import prod
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.fuzz.mutations import FLOATS, TEXTS, damage, number
from tests.support.small_networks import exported
from workbench.capture.from_onnx.onnx_import import import_onnx
from workbench.engine.compile import compile_graph

SUFFIX = ".onnx"

MOST_RUN = 100_000
"""Elements of all tensors together; larger ones take the memory that they describe."""

FOLDED = (
    *("ConstantOfShape", "Expand", "Tile", "Range", "Reshape", "Gather", "Concat"),
    *("Loop", "If", "Slice", "Unsqueeze", "Pad", "DequantizeLinear", "Shape", "Where"),
    *("Split", "OneHot", "NonZero", "Cast", "MatMul", "Resize", "RandomNormal"),
)


@cache
def seeds() -> tuple[bytes, ...]:
    return (exported("onnx"), _zoo(17), _zoo(9), _folding())


def _zoo(opset: int) -> bytes:
    """Return a network with most of the operations that are read."""
    old = opset < 10
    names = {
        "w": np.ones((4, 2, 3, 3)),
        "s": np.ones(4),
        "c": np.full((4, 1, 1), 0.5),
        "m": np.ones((16, 3)),
    }
    sizes = {"from": [0], "to": [4], "axis": [1], "shape": [1, 16]}
    constants = [
        numpy_helper.from_array(a.astype(np.float32), n) for n, a in names.items()
    ]
    constants += [
        numpy_helper.from_array(np.array(v, np.int64), n) for n, v in sizes.items()
    ]
    constants.append(
        numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales")
    )
    node = helper.make_node
    cut = (
        node("Slice", ["e"], ["f"], starts=[0], ends=[4], axes=[1])
        if old
        else node("Slice", ["e", "from", "to", "axis"], ["f"])
    )
    grown = (
        node("Upsample", ["f", "scales"], ["g"], mode="nearest")
        if old
        else node("Resize", ["f", "", "scales"], ["g"], mode="nearest")
    )
    nodes = [
        node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1], strides=[2, 2], group=1),
        node("BatchNormalization", ["a", "s", "s", "s", "s"], ["b"], epsilon=0.1),
        node("Relu", ["b"], ["d"]),
        node("Mul", ["d", "c"], ["e"]),
        cut,
        grown,
        node("MaxPool", ["g"], ["h"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Concat", ["h", "d"], ["i"], axis=1),
        node("AveragePool", ["i"], ["j"], kernel_shape=[3, 3], pads=[0, 0, 1, 1]),
        node("GlobalAveragePool", ["d"], ["k"]),
        node("Add", ["d", "h"], ["l"]),
        node("Reshape", ["l", "shape"], ["o"]),
        node("Gemm", ["o", "m"], ["p"], alpha=0.5)
        if opset > 10
        else node("MatMul", ["o", "m"], ["p"]),
        node("Flatten", ["p"], ["y"], axis=1),
    ]
    return _model(nodes, constants, (1, 2, 4, 4), opset)


def _folding() -> bytes:
    """Return a network with constants that must be computed."""
    constants = [
        numpy_helper.from_array(np.array([3], np.int64), "n"),
        numpy_helper.from_array(np.array([[0], [2]], np.int64), "at"),
        numpy_helper.from_array(np.arange(3, dtype=np.int8), "q"),
        numpy_helper.from_array(np.float32(0.5), "scale"),
    ]
    node = helper.make_node
    nodes = [
        node("ConstantOfShape", ["n"], ["a"], value=_one()),
        node("DequantizeLinear", ["q", "scale"], ["b"]),
        node("Shape", ["x"], ["s"]),
        node("Constant", [], ["k"], value=_one()),
        node("Tile", ["k", "n"], ["t"]),
        node("Add", ["a", "b"], ["c"]),
        node("Expand", ["c", "n"], ["d"]),
        node("Mul", ["x", "d"], ["e"]),
        node("Add", ["e", "t"], ["y"]),
    ]
    return _model(nodes, constants, (1, 3), 17)


def _one() -> onnx.TensorProto:
    return helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])


def _model(nodes: Any, constants: Any, shape: tuple[int, ...], opset: int) -> bytes:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        constants,
    )
    imports = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=8)
    return bytes(model.SerializeToString())


def mutate(rng: Random, data: bytes) -> bytes:
    if rng.random() < 0.15:
        return damage(rng, data)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except Exception:  # noqa: BLE001
        # Damaged by the change before: bytes are all there is.
        return damage(rng, data)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        change = rng.choice(CHANGES)
        try:
            change(rng, model)
        except (IndexError, ValueError, TypeError):
            # Nothing there to change, or no such value in this field.
            continue
    return bytes(model.SerializePartialToString())


def _node(rng: Random, model: onnx.ModelProto) -> onnx.NodeProto:
    return rng.choice(list(model.graph.node))


def _int64(rng: Random, old: int = 0) -> int:
    return (number(rng, old) + 2**63) % 2**64 - 2**63


def _attribute(rng: Random, model: onnx.ModelProto) -> None:
    """Change numbers of an attribute, its type, or its name."""
    attribute = rng.choice(list(_node(rng, model).attribute))
    kind = rng.randrange(6)
    if kind == 0:
        attribute.type = rng.randrange(15)
    elif kind == 1:
        attribute.name = rng.choice((*TEXTS, "axis", "pads", "axes", "value"))
    elif attribute.ints:
        at = rng.randrange(len(attribute.ints))
        attribute.ints[at] = _int64(rng, attribute.ints[at])
        if kind == 2:
            attribute.ints.extend([1] * rng.choice([1, 3, 1000]))
        if kind == 3:
            del attribute.ints[at]
    elif attribute.type == onnx.AttributeProto.FLOAT:
        attribute.f = rng.choice(FLOATS)
    elif attribute.type == onnx.AttributeProto.STRING:
        attribute.s = rng.choice(TEXTS).encode() + rng.choice([b"", b"\xff"])
    else:
        attribute.i = _int64(rng, attribute.i)


def _more(rng: Random, model: onnx.ModelProto) -> None:
    """Add an attribute that the node may not have."""
    node = _node(rng, model)
    name = rng.choice(
        ["axis", "pads", "strides", "dilations", "axes", "to", "mode", "ceil_mode"]
    )
    value: Any = rng.choice([_int64(rng), [_int64(rng), 1], 0.5, "x", [1, 1]])
    node.attribute.append(helper.make_attribute(name, value))


def _wiring(rng: Random, model: onnx.ModelProto) -> None:
    """Read another tensor, one that is missing, or its own result; make cycles."""
    node, kind = _node(rng, model), rng.randrange(6)
    known = [name for n in model.graph.node for name in n.output]
    known += [c.name for c in model.graph.initializer]
    name = rng.choice([*known, *known, "", "nobody", "x", *node.output])
    if kind == 0:
        node.input.append(name)
    elif kind == 1:
        del node.input[rng.randrange(len(node.input))]
    elif kind == 2:
        node.output[rng.randrange(len(node.output))] = name
    elif kind == 3:
        node.output.append(name)
    else:
        node.input[rng.randrange(len(node.input))] = name


def _operation(rng: Random, model: onnx.ModelProto) -> None:
    node, others = _node(rng, model), [n.op_type for n in model.graph.node]
    node.op_type = rng.choice((*others, *FOLDED, *FOLDED, *TEXTS))
    if rng.random() < 0.1:
        node.domain = rng.choice((*TEXTS, "ai.onnx", "com.microsoft"))


def _order(rng: Random, model: onnx.ModelProto) -> None:
    nodes = list(model.graph.node)
    first, second = rng.randrange(len(nodes)), rng.randrange(len(nodes))
    kind = rng.randrange(3)
    if kind == 0:
        nodes[first], nodes[second] = nodes[second], nodes[first]
    elif kind == 1:
        del nodes[first]
    else:
        nodes.insert(second, nodes[first])
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _constant(rng: Random, model: onnx.ModelProto) -> None:
    """Change sizes, bytes, type or place of an initialiser."""
    tensor, kind = rng.choice(list(model.graph.initializer)), rng.randrange(8)
    if kind <= 2 and tensor.dims:
        at = rng.randrange(len(tensor.dims))
        tensor.dims[at] = _int64(rng, tensor.dims[at])
    elif kind == 3:
        tensor.data_type = rng.choice([*range(27), 99, 2**31 - 1])
    elif kind == 4:
        tensor.raw_data = damage(rng, tensor.raw_data)
    elif kind == 5:
        tensor.dims.append(_int64(rng, 1))
    elif kind == 6:
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(
            key="location", value=rng.choice((*TEXTS, "input.onnx"))
        )
        tensor.external_data.add(key="length", value=str(number(rng)))
        tensor.external_data.add(key="offset", value=str(number(rng)))
    elif (
        tensor.data_type == TensorProto.INT64
        and tensor.data_location != TensorProto.EXTERNAL
    ):
        values = numpy_helper.to_array(tensor).reshape(-1).copy()
        values[rng.randrange(values.size)] = _int64(rng)
        tensor.raw_data = values.tobytes()
    else:
        tensor.name = rng.choice((*TEXTS, "x", "y"))


def _sparse(rng: Random, model: onnx.ModelProto) -> None:
    """Put a sparse initialiser in the place of a dense one."""
    tensor = rng.choice(list(model.graph.initializer))
    dims = list(tensor.dims)
    if rng.random() < 0.5:
        dims = [_int64(rng, size) for size in dims]
    values = helper.make_tensor(tensor.name, TensorProto.FLOAT, [2], [1.0, 2.0])
    places = helper.make_tensor("at", TensorProto.INT64, [2], [0, _int64(rng, 1)])
    model.graph.sparse_initializer.append(
        helper.make_sparse_tensor(values, places, dims)
    )
    model.graph.initializer.remove(tensor)


def _ends(rng: Random, model: onnx.ModelProto) -> None:
    """Change the network's input, output, opset or version."""
    kind = rng.randrange(6)
    given = rng.choice(list(model.graph.input)).type.tensor_type
    if kind == 0:
        given.elem_type = rng.randrange(27)
    elif kind == 1:
        size = rng.choice(list(given.shape.dim))
        size.dim_value = _int64(rng, size.dim_value)
    elif kind == 2:
        given.shape.dim.add(dim_value=_int64(rng, 1))
    elif kind == 3:
        del given.shape.dim[rng.randrange(len(given.shape.dim))]
    elif kind == 4:
        model.opset_import[0].version = rng.choice([*range(1, 30), _int64(rng)])
    else:
        name = rng.choice([*model.graph.node]).output[0]
        model.graph.output[0].name = rng.choice(["x", "nobody", "", name])


CHANGES: tuple[Callable[[Random, onnx.ModelProto], None], ...] = (
    *(_attribute, _attribute, _attribute, _more, _wiring, _wiring, _operation),
    *(_order, _constant, _constant, _sparse, _ends),
)


def read(path: Path) -> object:
    graph = import_onnx(path)
    if sum(prod(node.shape) for node in graph) > MOST_RUN:
        return graph
    program = compile_graph(graph, tune="model")
    result = program(np.zeros((1, *graph.input_shape), np.float32))
    assert result.shape == (1, *graph.output_shape)
    return graph
