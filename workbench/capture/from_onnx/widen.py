"""A file of 16-bit numbers with the same numbers in 32 bits.

Belongs here: the file that a program of such a file is measured against: the program
computes in float32, and the file's own rounding is no error of it.
"""

import onnx
from onnx import AttributeProto, TensorProto, numpy_helper

from workbench.capture.from_onnx.constants import as_float32

NARROW = (TensorProto.FLOAT16, TensorProto.BFLOAT16)


def widened(model: onnx.ModelProto) -> onnx.ModelProto | None:
    """Return a copy in float32; None of a file that has no 16-bit numbers."""
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    return wide if _widen(wide.graph) else None


def _widen(graph: onnx.GraphProto) -> int:
    """Widen a graph in place; return how many things were narrow."""
    del graph.value_info[:]
    found = sum(map(_widen_tensor, graph.initializer))
    for one in (*graph.input, *graph.output):
        kind = one.type.tensor_type
        if kind.elem_type in NARROW:
            kind.elem_type = TensorProto.FLOAT
            found += 1
    for node in graph.node:
        for attribute in node.attribute:
            found += _widen_attribute(node.op_type, attribute)
    return found


def _widen_attribute(op: str, attribute: AttributeProto) -> int:
    if attribute.type == AttributeProto.GRAPH:
        return _widen(attribute.g)
    if attribute.type == AttributeProto.TENSOR:
        return _widen_tensor(attribute.t)
    if op == "Cast" and attribute.name == "to" and attribute.i in NARROW:
        attribute.i = TensorProto.FLOAT
        return 1
    return 0


def _widen_tensor(tensor: TensorProto) -> int:
    if tensor.data_type not in NARROW:
        return 0
    array = as_float32(numpy_helper.to_array(tensor))
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    return 1
