"""An ONNX file that was read, and which of its nodes became which of the graph's.

Belongs here: the file, its graph and what links them. Does not belong here: reading
(`onnx_import`), where weights lie (`places`), and writing them (`write_back`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_onnx.broken import parts_that_fit
from workbench.capture.from_onnx.onnx_import import (
    OnnxError,
    Shapes,
    _load,
    _Reader,
)
from workbench.engine.graph.graph import Graph

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class OnnxFile:
    """A model, the graph that was read from it, and what links the two.

    Parameters
    ----------
    model : onnx.ModelProto
        Not changed by anybody.
    graph : Graph
        As `import_onnx` reads it.
    origins : mapping of str to int
        By the id of a node of the graph, the number of the model's node that it was
        made for.
    constants : mapping of str to numpy.ndarray
        Tensors of the model that depend on no input, by name.
    shapes : mapping of str to tuple of int
        Of its other tensors for one image, the batch among the axes.
    """

    model: onnx.ModelProto
    graph: Graph
    origins: Mapping[str, int]
    constants: Mapping[str, Array] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def origin(self, node_id: str) -> onnx.NodeProto:
        """Return the model's node that a node of the graph was made for."""
        node: onnx.NodeProto = self.model.graph.node[self.origins[node_id]]
        return node


def read_onnx_file(
    source: str | Path | bytes, *, input_shape: Shapes | None = None
) -> OnnxFile:
    """Return an ONNX file with the engine's graph of it.

    Parameters
    ----------
    source : str, Path or bytes
        A file of opset 6 or later, or its content.
    input_shape : tuple of int, or a sequence or mapping of them, optional
        As `import_onnx` takes it.

    Raises
    ------
    OnnxError, UncoveredOp
        As `import_onnx`.
    """
    model = _parsed(source) if isinstance(source, bytes) else _load(Path(source))
    with parts_that_fit():
        reader = _Linked(model, {})
        graph = reader.graph(input_shape)
    left = {node.id for node in graph}
    return OnnxFile(
        model,
        graph,
        {name: number for name, number in reader.origins.items() if name in left},
        {
            name: np.asarray(value)
            for name, value in reader.values.items()
            if isinstance(value, np.ndarray | np.generic)
        },
        {k: v.full for k, v in reader.values.items() if isinstance(v, Value)},
    )


def _parsed(content: bytes) -> onnx.ModelProto:
    try:
        model = onnx.load_from_string(content)
    except (DecodeError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise OnnxError(
            f"an uploaded file that cannot be read as ONNX ({reason})",
            "a whole .onnx file",
            "Export the network again and upload that file.",
        ) from error
    if not model.graph.node:
        raise OnnxError(
            "an uploaded file that holds no operations",
            "a network as .onnx",
            "Export the network again and upload that file.",
        )
    return model


class _Linked(_Reader):
    """A reader that notes for which of the file's nodes it adds to the graph."""

    def __init__(self, model: onnx.ModelProto, constants: dict[str, Array]) -> None:
        super().__init__(model, constants)
        self.origins: dict[str, int] = {}

    def _node(
        self, builder: GraphBuilder, node: onnx.NodeProto, number: int, read: set[str]
    ) -> None:
        before = len(builder)
        super()._node(builder, node, number, read)
        self.origins.update(dict.fromkeys(builder.ids(before), number))
