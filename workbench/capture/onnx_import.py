"""Read an ONNX file into the engine's graph; torch is not needed.

Belongs here: opening the file, folding constants, resolving names. What each
operation becomes is in `onnx_ops`. Batch is the first axis and is left out of
every shape, so a network exported with a free batch axis reads like a fixed one.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.onnx_ops import TRANSLATIONS, Call
from workbench.engine.graph import Graph, UncoveredOp
from workbench.errors import WorkbenchError

MIN_OPSET = 6


BROKEN_MODEL_ERRORS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    TypeError,
    ValueError,
)
"""What numpy and dictionaries say to names, types and sizes that make no sense."""


class OnnxError(WorkbenchError):
    """An ONNX file that cannot be read as one static float32 network."""


def import_onnx(
    source: str | Path | onnx.ModelProto,
    *,
    constants: Mapping[str, NDArray[Any]] | None = None,
    input_shape: tuple[int, ...] | None = None,
) -> Graph:
    """Return the engine's graph of an ONNX network.

    Parameters
    ----------
    source : str, Path or onnx.ModelProto
        A file of opset 6 or later, or the model itself.
    constants : mapping of str to numpy.ndarray, optional
        Values of graph inputs that are weights rather than the image.
    input_shape : tuple of int, optional
        (C, H, W), where the file leaves height or width free.

    Returns
    -------
    Graph
        Un-simplified, like the torch importer's.

    Raises
    ------
    OnnxError
        A file that is damaged, has several inputs or free spatial sizes.
    UncoveredOp
        An operation the engine does not have, named with its node.
    """
    model = source if isinstance(source, onnx.ModelProto) else _load(Path(source))
    try:
        return _Reader(model, dict(constants or {})).graph(input_shape)
    except BROKEN_MODEL_ERRORS as error:
        raise OnnxError(
            f"an ONNX model whose parts do not fit ({type(error).__name__}: {error})",
            "nodes that read tensors which exist, with attributes of their types",
            "The file is damaged or was written wrongly: export the network again.",
        ) from error


def _load(path: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(path)
    except (DecodeError, ValueError, OSError) as error:
        raise OnnxError(
            f"{path} cannot be read as ONNX ({str(error).splitlines()[0]})",
            "a whole .onnx file",
            "Check the path, or export the network again.",
        ) from error
    if not model.graph.node:
        raise OnnxError(
            f"{path} holds no operations", "a network", "Export the network again."
        )
    return model


class _Reader:
    """Walks an ONNX graph once and feeds a `GraphBuilder`."""

    def __init__(
        self, model: onnx.ModelProto, constants: dict[str, NDArray[Any]]
    ) -> None:
        self.model = model
        self.values: dict[str, Any] = {"": None, **constants}
        for tensor in model.graph.initializer:
            self.values[tensor.name] = numpy_helper.to_array(tensor)
        self.opset = next(
            (o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0
        )
        if self.opset < MIN_OPSET:
            raise OnnxError(
                f"opset {self.opset}",
                f"opset {MIN_OPSET} or later",
                "Convert the file with onnx.version_converter.",
            )

    def graph(self, input_shape: tuple[int, ...] | None) -> Graph:
        builder = GraphBuilder(self.model.graph.name or "onnx")
        self._input(builder, input_shape)
        for number, node in enumerate(self.model.graph.node):
            self._node(builder, node, number)
        if len(self.model.graph.output) != 1:
            raise OnnxError(
                f"{len(self.model.graph.output)} outputs",
                "exactly one",
                "Remove the others with onnx.utils.extract_model.",
            )
        result = self.values[self.model.graph.output[0].name]
        if not isinstance(result, Value):
            raise OnnxError(
                "an output that does not depend on the input",
                "a network",
                "Export the network again.",
            )
        return builder.graph(result.id)

    def _input(
        self, builder: GraphBuilder, input_shape: tuple[int, ...] | None
    ) -> None:
        free = [i for i in self.model.graph.input if i.name not in self.values]
        if len(free) != 1:
            names = ", ".join(i.name for i in free)
            raise OnnxError(
                f"{len(free)} inputs ({names})",
                "exactly one image input",
                "Pass the others as constants.",
            )
        dims = [d.dim_value for d in free[0].type.tensor_type.shape.dim][1:]
        shape = tuple(input_shape or dims)
        if not shape or not all(shape):
            raise OnnxError(
                f"input {free[0].name!r} of shape {dims} with free sizes",
                "fixed channels, height and width",
                "Pass input_shape=(C, H, W), or export with static sizes.",
            )
        self.values[free[0].name] = builder.input(shape)

    def _node(self, builder: GraphBuilder, node: onnx.NodeProto, number: int) -> None:
        inputs = tuple(self.values[name] for name in node.input)
        label = node.name or f"{node.op_type}_{number}"
        if node.op_type == "Shape" and isinstance(inputs[0], Value):
            self.values[node.output[0]] = np.array([1, *inputs[0].shape], np.int64)
            return
        if not any(hasattr(i, "shape") and hasattr(i, "id") for i in inputs):
            self._fold(node, inputs)
            return
        translate = TRANSLATIONS.get(node.op_type)
        if translate is None or node.domain not in ("", "ai.onnx"):
            raise UncoveredOp(f"ONNX {node.op_type}", label)
        attrs = {a.name: _plain(helper.get_attribute_value(a)) for a in node.attribute}
        attrs["outputs"] = sum(1 for name in node.output if name)
        builder.at(_layer_id(node), 0, label.strip("/").replace("/", "."))
        made = translate(builder, Call(inputs, attrs, self.opset))
        results = made if isinstance(made, list) else [made]
        for name, value in zip(node.output, results, strict=False):
            self.values[name] = value

    def _fold(self, node: onnx.NodeProto, inputs: tuple[Any, ...]) -> None:
        """Compute a node whose inputs are all constants."""
        names = [name for name in node.input if name]
        graph = helper.make_graph(
            [node],
            "constant",
            [helper.make_empty_tensor_value_info(name) for name in names],
            [helper.make_empty_tensor_value_info(name) for name in node.output],
        )
        model = helper.make_model(graph, opset_imports=self.model.opset_import)
        feeds = {n: v for n, v in zip(node.input, inputs, strict=True) if n}
        results = ReferenceEvaluator(model).run(None, feeds)
        for name, value in zip(node.output, results, strict=True):
            self.values[name] = np.asarray(value)


def _plain(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _layer_id(node: onnx.NodeProto) -> str:
    """Return the qualified module name that the exporter left in the weight's name."""
    for name in node.input:
        base, dot, leaf = name.rpartition(".")
        if dot and leaf in ("weight", "weight_orig"):
            return str(base)
    return ""
