"""Read an ONNX file into the engine's graph; torch is not needed.

Belongs here: opening the file and resolving names. What each operation becomes is in
`onnx_table`, constants are read and folded by `onnx_constants`. Batch is the first
axis and is left out of every shape, so a network exported with a free batch axis reads
like a fixed one.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import checker, external_data_helper, helper, inliner

from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_onnx.broken import BROKEN_MODEL_ERRORS, parts_that_fit
from workbench.capture.from_onnx.call import Call, is_computed
from workbench.capture.from_onnx.constants import DOMAINS, Constants, OnnxError
from workbench.capture.from_onnx.foreign import can_run
from workbench.capture.from_onnx.inputs import Shapes, add_inputs
from workbench.capture.from_onnx.table import OPERATIONS
from workbench.capture.from_onnx.translate import translated
from workbench.capture.reshapes import as_shape
from workbench.engine.graph.fields import MOST_NODES
from workbench.engine.graph.graph import Graph, UncoveredOp
from workbench.engine.graph.signature import ONLY_INPUT, ONLY_OUTPUT, Signature
from workbench.reading import regular

__all__ = ["OnnxError", "Shapes", "import_onnx"]

MIN_OPSET = 6

INSIDE = (
    onnx.AttributeProto.GRAPH,
    onnx.AttributeProto.GRAPHS,
    onnx.AttributeProto.TENSOR,
    onnx.AttributeProto.SPARSE_TENSOR,
    onnx.AttributeProto.TYPE_PROTO,
)
"""Attributes that are looked into only by whoever needs them."""

KNOWN = {*OPERATIONS, "Shape", "Size", "If"}


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
    with parts_that_fit():
        return _Reader(model, dict(constants or {})).graph(input_shape)


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
        if model.functions:
            model = inliner.inline_local_functions(model)
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
        self._hold(model.graph)

    def _hold(self, graph: onnx.GraphProto) -> None:
        for tensor in graph.initializer:
            self.values[tensor.name] = self.constants.tensor(tensor)
        for sparse in graph.sparse_initializer:
            self.values[sparse.values.name] = self.constants.sparse(sparse)

    def graph(self, input_shape: Shapes | None) -> Graph:
        graph = self.model.graph
        builder = GraphBuilder(graph.name or "onnx")
        free = [i for i in graph.input if i.name not in self.values]
        found, self.batch = add_inputs(builder, free, input_shape)
        self.values.update(found)
        outputs = tuple(one.name for one in graph.output)
        if not outputs or len(set(outputs)) != len(outputs):
            raise OnnxError(
                f"{len(outputs)} outputs ({', '.join(outputs)})",
                "at least one, each with a name of its own",
                "Export the network again.",
            )
        self._refuse_uncovered(set(found))
        read = names_read(graph) | set(outputs)
        for number, node in enumerate(graph.node):
            self._node(builder, node, number, read)
        ids = [self._result(builder, name) for name in outputs]
        if len(found) == len(outputs) == 1:
            return builder.graph(ids[0])
        return builder.graph(
            ids,
            Signature(
                tuple(found) if len(found) > 1 else (ONLY_INPUT,),
                outputs if len(outputs) > 1 else (ONLY_OUTPUT,),
                "dict" if len(outputs) > 1 else "tensor",
            ),
        )

    def _result(self, builder: GraphBuilder, name: str) -> str:
        result = self._value(name, f"the output {name!r}")
        if not isinstance(result, Value):
            raise OnnxError(
                f"an output {name!r} that is a constant",
                "a tensor that the network computes",
                "Export the network again, or take that output away with "
                "onnx.utils.extract_model.",
            )
        alone = result.batch is None or self.batch == 1
        if alone and result.full[:1] == (1,):
            result = as_shape(builder, result, result.full, 0)
        if result.batch != 0:
            raise OnnxError(
                f"an output {name!r} of shape {result.full} for one image, without "
                "the batch as its first axis",
                "(1, ...)",
                "Keep the batch as the first axis, or take that output away with "
                "onnx.utils.extract_model.",
            )
        return result.id

    def _refuse_uncovered(self, computed: set[str]) -> None:
        """Name every operation that nobody can run before any is read."""
        found = dict[str, list[str]]()
        known = dict[str, bool]()
        for number, node in enumerate(self.model.graph.node):
            if computed.isdisjoint(names_read(node)):
                continue
            if node.op_type != "Shape":
                computed.update(name for name in node.output if name)
            kind = f"ONNX {node.op_type}"
            if node.domain not in DOMAINS:
                kind += f" of {node.domain}"
            if kind not in known:
                translated = node.domain in DOMAINS and node.op_type in KNOWN
                known[kind] = translated or can_run(node, self.model.opset_import)
            if not known[kind]:
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
        inner = names_read(node) - set(node.input)
        captured = {n: self._value(n, f"node {label!r}") for n in sorted(inner)}
        if any(name and name in self.values for name in node.output):
            raise OnnxError(
                f"node {label!r} makes {', '.join(node.output)}, made before",
                "a name of its own for each tensor",
                "The file is damaged or was written wrongly: export it again.",
            )
        builder.at(_layer_id(node), 0, label.strip("/").replace("/", "."))
        if node.op_type == "If" and not is_computed(inputs[0]):
            results = self._branch(builder, node, number, read)
        else:
            results = self._made(builder, node, inputs, captured, read)
        for name, value in zip(node.output, results, strict=False):
            self.values[name] = value
        self.values[""] = None

    def _branch(
        self, builder: GraphBuilder, node: onnx.NodeProto, number: int, read: set[str]
    ) -> list[Any]:
        """Read the branch of an If that sizes alone have decided."""
        yes = bool(np.all(self.values[node.input[0]]))
        wanted = "then_branch" if yes else "else_branch"
        found = [a.g for a in node.attribute if a.name == wanted]
        if not found:
            raise OnnxError(
                f"an If without the graph {wanted!r}",
                "one for each answer",
                "The file is damaged: export the network again.",
            )
        graph = found[0]
        self._hold(graph)
        ends = [one.name for one in graph.output]
        wanted_inside = read | names_read(graph) | {*ends}
        for inside in graph.node:
            self._node(builder, inside, number, wanted_inside)
        return [self._value(name, f"node {node.name!r}") for name in ends]

    def _made(
        self,
        builder: GraphBuilder,
        node: onnx.NodeProto,
        inputs: tuple[Any, ...],
        captured: Mapping[str, Any],
        read: set[str],
    ) -> list[Any]:
        attrs = _attributes(node)
        if node.op_type in ("Shape", "Size") and inputs and is_computed(inputs[0]):
            return [self._shape(inputs[0], node.op_type, attrs)]
        if not any(map(is_computed, (*inputs, *captured.values()))):
            return list(self.constants.fold(node, inputs))
        outputs, opset = len(node.output), self._opset_of(node)
        call = Call(inputs, attrs, opset, outputs, self.batch, node.op_type)
        imports = self.model.opset_import
        return translated(builder, node, call, read.__contains__, captured, imports)

    def _opset_of(self, node: onnx.NodeProto) -> int:
        if node.domain in DOMAINS:
            return self.opset
        found = (o.version for o in self.model.opset_import if o.domain == node.domain)
        return next(found, 1)

    def _shape(self, x: Value, kind: str, attrs: dict[str, Any]) -> NDArray[Any]:
        """Return what Shape says, with a batch of one where the file leaves it free."""
        sizes = np.array(x.full, np.int64)
        if x.batch is not None:
            sizes[x.batch] = self.batch or 1
        if kind == "Size":
            return np.array(sizes.prod())
        return sizes[attrs.get("start", 0) : attrs.get("end", len(sizes))]


def names_read(item: onnx.GraphProto | onnx.NodeProto) -> set[str]:
    """Return what a graph, or a node with graphs inside, reads from outside of it."""
    if isinstance(item, onnx.NodeProto):
        found = {name for name in item.input if name}
        for attribute in item.attribute:
            one = [attribute.g] if attribute.HasField("g") else []
            for graph in (*attribute.graphs, *one):
                own = {one.name for one in (*graph.input, *graph.initializer)}
                own |= {name for node in graph.node for name in node.output}
                ends = {one.name for one in graph.output}
                found |= (names_read(graph) | ends) - own
        return found
    return {name for node in item.node for name in names_read(node)}


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
        if attribute.type in INSIDE:
            found[attribute.name] = attribute
            continue
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


def _layer_id(node: onnx.NodeProto) -> str:
    """Return the qualified module name that the exporter left in the weight's name."""
    for name in node.input:
        base, dot, leaf = name.rpartition(".")
        if dot and leaf in ("weight", "weight_orig"):
            return str(base)
    return ""


def follow(model: onnx.ModelProto, input_shape: Shapes) -> tuple[Graph, dict[str, str]]:
    """Return the graph of a model and the model's tensor for each of its nodes."""
    reader = _Reader(model, {})
    graph = reader.graph(input_shape)
    names: dict[str, str] = {}
    made = [name for node in model.graph.node for name in node.output]
    for name in made:
        value = reader.values.get(name)
        # The first name of a tensor is the node that makes it.
        if isinstance(value, Value) and value.batch == 0 and value.kind == "float32":
            names.setdefault(value.id, name)
    for name in graph.inputs:
        names.pop(name, None)
    return graph, names
