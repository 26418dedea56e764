"""Read an ONNX file into the engine's graph; torch is not needed.

Belongs here: opening the file and resolving names. What each operation becomes is in
`onnx_table`, constants are read and folded by `onnx_constants`. Batch is the first
axis and is left out of every shape, so a network exported with a free batch axis reads
like a fixed one.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import TensorProto, checker, external_data_helper, helper

from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_onnx.call import Call, check_call, is_computed
from workbench.capture.from_onnx.constants import DOMAINS, Constants, OnnxError
from workbench.capture.from_onnx.table import OPERATIONS
from workbench.engine.graph.fields import MOST_NODES
from workbench.engine.graph.graph import Graph, UncoveredOp
from workbench.engine.graph.signature import ONLY_INPUT, ONLY_OUTPUT, Signature
from workbench.reading import regular

__all__ = ["OnnxError", "import_onnx"]

MIN_OPSET = 6


Shape = Sequence[int]
Shapes = Shape | Sequence[Shape] | Mapping[str, Shape]

BROKEN_MODEL_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What numpy and dictionaries say to names, types and sizes that make no sense."""


def import_onnx(
    source: str | Path | onnx.ModelProto,
    *,
    constants: Mapping[str, NDArray[Any]] | None = None,
    input_shape: Shapes | None = None,
) -> Graph:
    """Return the engine's graph of an ONNX network.

    Parameters
    ----------
    source : str, Path or onnx.ModelProto
        A file of opset 6 or later, or the model itself.
    constants : mapping of str to numpy.ndarray, optional
        Values of graph inputs that are weights rather than the image.
    input_shape : tuple of int, or a sequence or mapping of them, optional
        (C, H, W), where the file leaves height or width free; of several inputs in
        order or by name.

    Returns
    -------
    Graph
        Un-simplified, like the torch importer's. Several outputs come back as a dict
        by their names in the file.

    Raises
    ------
    OnnxError
        A file that is damaged, has free spatial sizes or no image input.
    UncoveredOp
        An operation the engine does not have, named with its node.
    """
    model = source if isinstance(source, onnx.ModelProto) else _load(Path(source))
    try:
        return _Reader(model, dict(constants or {})).graph(input_shape)
    except BROKEN_MODEL_ERRORS as error:
        reason = str(error).strip().partition("\n")[0][:200]
        raise OnnxError(
            f"an ONNX model whose parts do not fit ({type(error).__name__}: {reason})",
            "nodes that read tensors which exist, with attributes of their types",
            "The file is damaged or was written wrongly: export the network again.",
        ) from error


def _load(path: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(regular(path), load_external_data=False)
    except (DecodeError, ValueError, OSError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise OnnxError(
            f"{path} cannot be read as ONNX ({reason})",
            "a whole .onnx file",
            "Check the path, or export the network again.",
        ) from error
    try:
        external_data_helper.load_external_data_for_model(model, str(path.parent))
    except (checker.ValidationError, *BROKEN_MODEL_ERRORS, OSError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise OnnxError(
            f"{path} keeps weights in another file that cannot be read ({reason})",
            "that file beside it, whole",
            "Copy it there, or save the model with its weights inside.",
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
        self.opset = next(
            (o.version for o in model.opset_import if o.domain in DOMAINS), 0
        )
        if self.opset < MIN_OPSET:
            raise OnnxError(
                f"opset {self.opset}",
                f"opset {MIN_OPSET} or later",
                "Convert the file with onnx.version_converter.",
            )
        if len(model.graph.node) > MOST_NODES:
            raise OnnxError(
                f"{len(model.graph.node)} operations",
                f"at most {MOST_NODES}",
                "Split the network, or simplify the file.",
            )
        self.constants, self.batch = Constants(model), 0
        self.values: dict[str, Any] = {"": None, **constants}
        for tensor in model.graph.initializer:
            self.values[tensor.name] = self.constants.tensor(tensor)
        for sparse in model.graph.sparse_initializer:
            self.values[sparse.values.name] = self.constants.sparse(sparse)

    def graph(self, input_shape: Shapes | None) -> Graph:
        graph = self.model.graph
        builder = GraphBuilder(graph.name or "onnx")
        inputs = self._inputs(builder, input_shape)
        outputs = tuple(one.name for one in graph.output)
        if not outputs or len(set(outputs)) != len(outputs):
            raise OnnxError(
                f"{len(outputs)} outputs ({', '.join(outputs)})",
                "at least one, each with a name of its own",
                "Export the network again.",
            )
        self._refuse_uncovered(set(inputs))
        read = {name for node in graph.node for name in node.input}
        read.update(outputs)
        for number, node in enumerate(graph.node):
            self._node(builder, node, number, read)
        ids = [self._result(name) for name in outputs]
        if len(inputs) == len(outputs) == 1:
            return builder.graph(ids[0])
        return builder.graph(
            ids,
            Signature(
                inputs if len(inputs) > 1 else (ONLY_INPUT,),
                outputs if len(outputs) > 1 else (ONLY_OUTPUT,),
                "dict" if len(outputs) > 1 else "tensor",
            ),
        )

    def _result(self, name: str) -> str:
        result = self._value(name, f"the output {name!r}")
        if isinstance(result, Value):
            return result.id
        raise OnnxError(
            f"an output {name!r} that is a constant or the middle of a channel shuffle",
            "a tensor that the network computes",
            "Export the network again, or take that output away with "
            "onnx.utils.extract_model.",
        )

    def _inputs(
        self, builder: GraphBuilder, input_shape: Shapes | None
    ) -> tuple[str, ...]:
        """Add every input that is no weight; return their names."""
        free = [i for i in self.model.graph.input if i.name not in self.values]
        names = tuple(one.name for one in free)
        if not names or len(set(names)) != len(names):
            raise OnnxError(
                f"{len(names)} inputs ({', '.join(names)})",
                "at least one image input, each with a name of its own",
                "Export the part of the network that takes images.",
            )
        shapes = _shapes_of(input_shape, names)
        batches = set()
        for one in free:
            name = one.name if len(free) > 1 else ONLY_INPUT
            self._input(builder, one, name, shapes.get(one.name))
            batches.add(self.batch)
        if len(batches - {0}) > 1:
            raise OnnxError(
                f"inputs of batches {', '.join(map(str, sorted(batches)))}",
                "the same batch as first axis of every input",
                "Export the network with one batch for all its inputs.",
            )
        self.batch = max(batches)
        return names

    def _input(
        self,
        builder: GraphBuilder,
        one: onnx.ValueInfoProto,
        node_id: str,
        input_shape: Shape | None,
    ) -> None:
        name, kind = one.name, one.type.tensor_type
        if kind.elem_type not in (TensorProto.FLOAT, TensorProto.UNDEFINED):
            raise OnnxError(
                f"input {name!r} of {_kind_name(kind.elem_type)}",
                "float32 images",
                "Convert the model to float32, or cut the conversion off its start.",
            )
        self.batch, *dims = [d.dim_value for d in kind.shape.dim] or [0]
        shape = tuple(input_shape or dims)
        if not shape or not all(shape):
            raise OnnxError(
                f"input {name!r} of shape {dims} with free sizes",
                "fixed channels, height and width",
                "Pass example=an array of shape (1, C, H, W), or export with static "
                "sizes.",
            )
        differs = any(d and d != s for d, s in zip(dims, shape, strict=False))
        if dims and (len(dims) != len(shape) or differs):
            raise OnnxError(
                f"an example of shape {shape} for input {name!r}",
                f"{tuple(dims)}, where 0 is free",
                "Pass an example of the shape that the file was exported with.",
            )
        self.values[name] = builder.input(shape, node_id)

    def _refuse_uncovered(self, computed: set[str]) -> None:
        """Name every operation that is not covered before any is read."""
        found = dict[str, list[str]]()
        for number, node in enumerate(self.model.graph.node):
            if computed.isdisjoint(node.input):
                continue
            if node.op_type != "Shape":
                computed.update(name for name in node.output if name)
            known = node.op_type in OPERATIONS or node.op_type == "Shape"
            if not known or node.domain not in DOMAINS:
                kind = f"ONNX {node.op_type}"
                if node.domain not in DOMAINS:
                    kind += f" of {node.domain}"
                found.setdefault(kind, []).append(_label(node, number))
        if found:
            (kind, layers), *others = found.items()
            text = _more(layers) + "".join(
                f"; {kind!r} in layer {layers[0]!r}{_more(layers)}"
                for kind, layers in others
            )
            raise UncoveredOp(kind, layers[0], text, OPERATIONS)

    def _value(self, name: str, reader: str) -> Any:
        if name not in self.values:
            raise OnnxError(
                f"{reader} reads {name!r}, which nothing before it makes",
                "nodes in the order in which they run",
                "The file is damaged or was written wrongly: export it again.",
            )
        return self.values[name]

    def _node(
        self, builder: GraphBuilder, node: onnx.NodeProto, number: int, read: set[str]
    ) -> None:
        label = _label(node, number)
        inputs = tuple(self._value(name, f"node {label!r}") for name in node.input)
        if any(name and name in self.values for name in node.output):
            raise OnnxError(
                f"node {label!r} makes {', '.join(node.output)}, made before",
                "a name of its own for each tensor",
                "The file is damaged or was written wrongly: export it again.",
            )
        builder.at(_layer_id(node), 0, label.strip("/").replace("/", "."))
        attrs = _attributes(node)
        if node.op_type == "Shape" and inputs and isinstance(inputs[0], Value):
            made: Any = self._shape(inputs[0], attrs)
        elif not any(is_computed(value) for value in inputs):
            made = self.constants.fold(node, inputs)
        else:
            made = self._translate(
                builder,
                node,
                Call(inputs, attrs, self.opset, len(node.output), self.batch),
                read,
            )
        results = made if isinstance(made, list) else [made]
        for name, value in zip(node.output, results, strict=False):
            self.values[name] = value
        self.values[""] = None

    def _translate(
        self,
        builder: GraphBuilder,
        node: onnx.NodeProto,
        call: Call,
        read: set[str],
    ) -> Any:
        operation = OPERATIONS[node.op_type]
        check_call(builder, node.op_type, operation, call)
        most = operation.outputs or call.outputs
        statistics = node.op_type == "BatchNormalization" and call.outputs > 1
        if statistics or any(name in read for name in node.output[most:] if name):
            raise UncoveredOp(
                f"ONNX {node.op_type} with {call.outputs} outputs", builder.where
            )
        return operation.declared.translate(builder, call)

    def _shape(self, x: Value, attrs: dict[str, Any]) -> NDArray[Any]:
        """Return what Shape says, with a batch of one where the file leaves it free."""
        sizes = np.array([self.batch or 1, *x.shape], np.int64)
        return sizes[attrs.get("start", 0) : attrs.get("end", len(sizes))]


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """Return attributes by name; a name may come once, with a value of its own."""
    found: dict[str, Any] = {}
    for attribute in node.attribute:
        if attribute.name in found or attribute.ref_attr_name:
            raise OnnxError(
                f"attribute {attribute.name!r} of {node.op_type} twice or by reference",
                "each once, with its value",
                "Inline the file's functions with onnx.inliner, or export it again.",
            )
        value = helper.get_attribute_value(attribute)
        if isinstance(value, bytes):
            value = value.decode()
        listed = not isinstance(value, str) and hasattr(value, "__iter__")
        found[attribute.name] = tuple(value) if listed else value
    return found


def _label(node: onnx.NodeProto, number: int) -> str:
    return node.name or f"{node.op_type}_{number}"


def _more(layers: list[str]) -> str:
    return f" and {len(layers) - 1} more" if len(layers) > 1 else ""


def _kind_name(number: int) -> str:
    names = {n: str(name) for name, n in TensorProto.DataType.items()}
    return names.get(number, f"type {number}").lower()


def _layer_id(node: onnx.NodeProto) -> str:
    """Return the qualified module name that the exporter left in the weight's name."""
    for name in node.input:
        base, dot, leaf = name.rpartition(".")
        if dot and leaf in ("weight", "weight_orig"):
            return str(base)
    return ""


def _shapes_of(
    given: Shapes | None, names: Sequence[str]
) -> Mapping[str, Sequence[int]]:
    """Return shapes by the name of their input."""
    if given is None or isinstance(given, Mapping):
        return dict(given or {})
    if all(isinstance(size, int | np.integer) for size in given):
        given = [cast(Shape, given)]
    shapes = cast("Sequence[Shape]", given)
    if len(shapes) != len(names):
        raise OnnxError(
            f"{len(shapes)} shapes",
            f"one for each of {', '.join(names)}",
            "Give a shape for every input, in this order or by name.",
        )
    return dict(zip(names, shapes, strict=True))


def follow(model: onnx.ModelProto, input_shape: Shapes) -> tuple[Graph, dict[str, str]]:
    """Return the graph of a model and the model's tensor for each of its nodes."""
    reader = _Reader(model, {})
    graph = reader.graph(input_shape)
    names: dict[str, str] = {}
    made = [name for node in model.graph.node for name in node.output]
    for name in made:
        value = reader.values.get(name)
        # The first name of a tensor is the node that makes it.
        if isinstance(value, Value):
            names.setdefault(value.id, name)
    for name in graph.inputs:
        names.pop(name, None)
    return graph, names
