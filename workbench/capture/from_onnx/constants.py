"""Constants of an ONNX file: read with their sizes checked, folded within limits.

Belongs here: initialisers, dense and sparse, and nodes that no input reaches. Nothing
is allocated beyond what the file's own bytes justify or `ROOM_BYTES` allows.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

from workbench.errors import WorkbenchError

Array = NDArray[Any]

ROOM_BYTES = 128 << 20
"""What constants may take that a file does not hold but only describes."""

ROOM_OF_VIEWS = 640 << 20
"""What tensors of one number may have: nothing is allocated until a layer takes one."""

ROOM_FACTOR = 16
"""They may also take so many times the bytes that the file does hold: quantised weights
become four times as large, sparse ones of 5 % twenty times."""

MOST_FOLDED = 10_000
"""Nodes that no input reaches: each takes about a millisecond."""

SIZES = {TensorProto.FLOAT: 4, TensorProto.INT32: 4, TensorProto.BOOL: 1}
"""Bytes of an element of the types that large constants have."""

DOMAINS = ("", "ai.onnx")
"""Names of the domain of ONNX's own operations."""

SMALL = 1024
"""Elements up to which a constant is taken for sizes rather than weights."""

_FOLDABLE = """
Abs Add And ArgMax ArgMin Cast CastLike Ceil Clip Concat ConstantOfShape Cos CumSum
DequantizeLinear Div Dropout Einsum Equal Erf Exp Expand EyeLike Flatten Floor Gather
GatherElements GatherND Gelu Gemm Greater GreaterOrEqual HardSigmoid HardSwish
Identity IsInf IsNaN LayerNormalization LeakyRelu Less LessOrEqual Log MatMul Max Mean
Min Mod Mul Neg Not OneHot Or Pad Pow QuantizeLinear Range Reciprocal ReduceL1
ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd
ReduceSum ReduceSumSquare Relu Reshape Resize Round ScatterElements ScatterND Shape
Sigmoid Sign Sin Size Slice Softmax Softplus Split Sqrt Squeeze Sub Sum Tanh Tile TopK
Transpose Trilu Unsqueeze Where Xor
"""
FOLDABLE = frozenset(_FOLDABLE.split())
"""Operations on constants that take time in proportion to their result."""


class OnnxError(WorkbenchError):
    """An ONNX file that cannot be read as one static float32 network."""


class Constants:
    """Reads and computes constants within the room that a file justifies.

    Parameters
    ----------
    model : onnx.ModelProto
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self._opsets = model.opset_import
        self._room, self._views = ROOM_BYTES, ROOM_OF_VIEWS
        self._model: onnx.ModelProto | None = model
        self._folded = 0

    def _take(self, size: int, what: str) -> None:
        """Use up some bytes of the room, or refuse."""
        if size > self._room and self._model is not None:
            # Asked for only now: to add up a file's bytes takes as long as reading it.
            self._room += ROOM_FACTOR * self._model.ByteSize()
            self._model = None
        if size > self._room:
            raise OnnxError(
                f"{what} of {size} bytes",
                f"constants of at most {ROOM_BYTES >> 20} MiB, or {ROOM_FACTOR} times "
                "the size of the file",
                "Compute it in the network's code and export it as a weight.",
            )
        self._room -= size

    def tensor(self, tensor: onnx.TensorProto) -> Array:
        """Return a constant that the file holds."""
        name = tensor.name or "a constant"
        if tensor.data_location == TensorProto.EXTERNAL:
            raise OnnxError(
                f"{name!r} lies in another file",
                "weights in the file itself, or beside it under the name it gives",
                "Pass the path of the file, or save the model with its weights inside.",
            )
        if any(size < 0 for size in tensor.dims):
            raise OnnxError(
                f"{name!r} of shape {list(tensor.dims)}",
                "sizes of zero or more",
                "The file is damaged: export the network again.",
            )
        # No element is smaller than half a byte.
        held = _bytes(tensor)
        if prod(tensor.dims) > 2 * held:
            raise OnnxError(
                f"{name!r} of shape {list(tensor.dims)} in {held} bytes",
                "as many elements as its shape says",
                "The file is damaged: export the network again.",
            )
        return as_float32(np.asarray(numpy_helper.to_array(tensor)))

    def sparse(self, sparse: onnx.SparseTensorProto) -> Array:
        """Return a sparse constant with its zeros.

        Indices are linear, or one row of coordinates an element.
        """
        name, dims = sparse.values.name, list(sparse.dims)
        values, indices = self.tensor(sparse.values), self.tensor(sparse.indices)
        rank = len(dims)
        if any(size < 0 for size in dims) or values.ndim != 1:
            raise _bad_sparse(name, dims, "one list of values")
        self._take(prod(dims) * values.itemsize, f"the sparse tensor {name!r}")
        if indices.dtype.kind not in "iu" or indices.shape not in (
            values.shape,
            (*values.shape, rank),
        ):
            raise _bad_sparse(name, dims, "an index or a row of them for each value")
        ends = np.array([prod(dims)] if indices.ndim == 1 else dims, np.int64)
        if np.any(indices < 0) or np.any(indices >= ends):
            raise _bad_sparse(name, dims, "indices within the shape")
        dense = np.zeros(prod(dims), values.dtype)
        where = indices
        if indices.ndim == 2:
            where = np.ravel_multi_index(tuple(indices.T), tuple(dims))
        dense[where] = values
        return dense.reshape(dims)

    def node(self, node: onnx.NodeProto) -> Array | None:
        """Return what a Constant node holds, or None for other nodes."""
        if node.op_type != "Constant" or len(node.attribute) != 1:
            return None
        value = helper.get_attribute_value(node.attribute[0])
        if isinstance(value, onnx.TensorProto):
            return self.tensor(value)
        if isinstance(value, onnx.SparseTensorProto):
            return self.sparse(value)
        kinds = {"f": np.float32, "i": np.int64}
        kind = kinds.get(node.attribute[0].name.removeprefix("value_")[:1])
        return np.array(value, kind)

    def fold(self, node: onnx.NodeProto, inputs: Sequence[Any]) -> list[Array]:
        """Compute a node whose inputs are all constants.

        Raises
        ------
        OnnxError
            An operation that is not folded, or a result without bounds.
        """
        held = self.node(node)
        if held is not None:
            return [held]
        label = f"the constant {node.output[0]!r}, made by ONNX {node.op_type},"
        known = node.domain in DOMAINS and node.op_type in FOLDABLE
        self._folded += 1
        if not known or self._folded > MOST_FOLDED:
            raise OnnxError(
                f"{label} which is not computed ahead"
                if not known
                else f"more than {MOST_FOLDED} constants that must be computed",
                "weights, and constants made of them by simple arithmetic",
                "Simplify the file, for example with onnxsim, or export it again with "
                "constant folding.",
            )
        size = self._size(node, inputs, label)
        if node.op_type == "ConstantOfShape" and size <= self._views:
            self._views -= size
            return [self._view(node, inputs[0])]
        self._take(size, label)
        feeds = {n: v for n, v in zip(node.input, inputs, strict=True) if n}
        graph = helper.make_graph(
            [node],
            "constant",
            [helper.make_empty_tensor_value_info(name) for name in feeds],
            [helper.make_empty_tensor_value_info(name) for name in node.output if name],
        )
        opset = max((o.version for o in self._opsets if o.domain in DOMAINS), default=0)
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            # The evaluator has no older form; the newer one computes the same.
            opset = max(opset, 19)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10
        )
        try:
            evaluator = ReferenceEvaluator(model)
        except RuntimeError as error:
            raise OnnxError(
                f"{label} which is not computed ahead at opset {opset}",
                "an opset that has it",
                "Convert the file with onnx.version_converter, or simplify it.",
            ) from error
        with np.errstate(all="ignore"):
            results = iter(evaluator.run(None, feeds))
        return [
            as_float32(np.asarray(next(results) if name else 0)) for name in node.output
        ]

    def _view(self, node: onnx.NodeProto, shape: Array) -> Array:
        """Return one number in the place of all elements of a tensor."""
        number = np.zeros(1, np.float32)
        for attribute in node.attribute:
            number = self.tensor(attribute.t).reshape(1)
        return np.broadcast_to(as_float32(number), [int(size) for size in shape])

    def _size(self, node: onnx.NodeProto, inputs: Sequence[Any], label: str) -> int:
        """Return the bytes of a node's results without computing them."""
        values = [
            (name, np.asarray(value))
            for name, value in zip(node.input, inputs, strict=True)
            if name
        ]
        if node.op_type == "Range":
            start, limit, delta = (float(value.reshape(())) for _, value in values)
            steps = (limit - start) / delta if delta else np.inf
            if not abs(steps) < 2**40:
                raise _unbounded(label)
            return max(0, int(steps) + 1) * 8
        if node.op_type == "Shape":
            return 0
        graph = helper.make_graph(
            [node],
            "size",
            [
                helper.make_tensor_value_info(
                    name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
                )
                for name, value in dict(values).items()
            ],
            [helper.make_empty_tensor_value_info(name) for name in node.output if name],
            [
                numpy_helper.from_array(value, name)
                for name, value in dict(values).items()
                if value.size <= SMALL
            ],
        )
        model = helper.make_model(graph, opset_imports=self._opsets)
        try:
            inferred = shape_inference.infer_shapes(model, data_prop=True)
        except shape_inference.InferenceError as error:
            raise OnnxError(
                f"{label} which makes no sense ({str(error).splitlines()[0][:120]})",
                "inputs that fit each other",
                "The file is damaged: export the network again.",
            ) from error
        total = 0
        for output in inferred.graph.output:
            kind = output.type.tensor_type
            dims = [d.dim_value for d in kind.shape.dim if d.HasField("dim_value")]
            if not kind.HasField("shape") or len(dims) != len(kind.shape.dim):
                raise _unbounded(label)
            if any(size < 0 for size in dims):
                raise _unbounded(label)
            total += SIZES.get(kind.elem_type, 8) * prod(dims)
        return total


def _bytes(tensor: onnx.TensorProto) -> int:
    """Return the most bytes that a tensor's elements take."""
    listed = (
        *(tensor.float_data, tensor.int32_data, tensor.int64_data),
        *(tensor.double_data, tensor.uint64_data, tensor.string_data),
    )
    return len(tensor.raw_data) + 8 * sum(map(len, listed))


def as_float32(array: Array) -> Array:
    """Return real numbers of any width as float32, all others as they are."""
    real = array.dtype.kind == "f" or array.dtype.name == "bfloat16"
    return array.astype(np.float32, copy=False) if real else array


def _bad_sparse(name: str, dims: list[int], expected: str) -> OnnxError:
    return OnnxError(
        f"the sparse tensor {name!r} of shape {dims} with senseless indices",
        expected,
        "The file is damaged: export the network again.",
    )


def _unbounded(label: str) -> OnnxError:
    return OnnxError(
        f"{label} whose size cannot be told",
        "constants of a size that follows from the file",
        "Simplify the file, for example with onnxsim.",
    )
