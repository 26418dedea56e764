"""What the module of an ONNX file is made of: names, shared layers, the order.

Belongs here: what is the same in every copy of such a module. Does not belong here:
its numbers (`module`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import helper

from workbench.capture.from_onnx.onnx_file import OnnxFile, read_onnx_file
from workbench.capture.from_onnx.places import STATISTICS, held, places
from workbench.engine.graph.graph import INPUT, Graph, Node
from workbench.models.from_graph.layers import LAYERS, Arrays, LayerKind, batch_norm
from workbench.models.from_graph.names import module_names

TRAINED = ("slope", "scale", "shift")
"""Parameters of steps that are weights; other steps hold constants."""


@dataclass(frozen=True, eq=False)
class Part:
    """One node of the graph as the module runs it.

    Parameters
    ----------
    node : Node
        As the file has it.
    name : str
        Of the module that runs it; several nodes have one where they share weights.
    kind : LayerKind or None
        None for a step.
    last : tuple of str
        Tensors that nobody reads behind it.
    """

    node: Node
    name: str
    kind: LayerKind | None
    last: tuple[str, ...] = ()


class Plan:
    """The parts of a module, in the order in which they run.

    Copies of a module have the same one.

    Parameters
    ----------
    file : OnnxFile
    """

    def __init__(self, file: OnnxFile) -> None:
        self.file = file
        self.graph: Graph = file.graph
        names = module_names(
            (n.id for n in self.graph if n.op != INPUT), self.graph.inputs
        )
        first: dict[Any, str] = {}
        parts = []
        lasts = _lasts(self.graph)
        for node in self.graph:
            if node.op == INPUT:
                continue
            key, name = self._weights_of(node), names[node.id]
            name = first.setdefault(key, name) if key else name
            parts.append(Part(node, name, self._kind(node), lasts.get(node.id, ())))
        self.parts = tuple(parts)

    def __deepcopy__(self, memo: object) -> "Plan":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        content = self.file.model.SerializeToString()
        return _again, (content, list(self.graph.input_shapes))

    @property
    def first_parts(self) -> Mapping[str, Part]:
        """The first part of each module, by the module's name."""
        found: dict[str, Part] = {}
        for part in self.parts:
            found.setdefault(part.name, part)
        return found

    def arrays(self, part: Part) -> Arrays:
        """Return a layer's numbers by torch's names, as the file has them.

        Without a bias where the file has none.
        """
        node, known = part.node, places(self.file, part.node)
        if node.op == "batchnorm":
            found = {name: held(self.file, known[name]) for name in STATISTICS}
            return {k: np.asarray(v) for k, v in found.items() if v is not None}
        names = {"scale": "weight", "shift": "bias"} if node.op == "groupnorm" else {}
        return {
            names.get(name, name): numbers
            for name, numbers in node.params.items()
            if name != "bias" or name in known or numbers.any()
        }

    def _kind(self, node: Node) -> LayerKind | None:
        if node.op == "groupnorm" and set(node.params) != {"scale", "shift"}:
            return None
        if node.op == "batchnorm" and set(places(self.file, node)) == set(STATISTICS):
            origin = self.file.origin(node.id)
            attrs = {a.name: helper.get_attribute_value(a) for a in origin.attribute}
            return batch_norm(float(attrs.get("epsilon", 1e-5)))
        return LAYERS.get(node.op)

    def _weights_of(self, node: Node) -> Any:
        """Return what nodes have in common that are calls of one layer, or None."""
        if node.op not in LAYERS or node.id not in self.file.origins:
            return None
        origin = self.file.origin(node.id)
        weights = tuple(origin.input[1:])
        if not set(weights) <= set(self.file.constants) | {""}:
            return None
        attrs = tuple(sorted((k, v) for k, v in node.attrs.items()))
        return (origin.op_type, weights, attrs, node.params["weight"].shape)


def _again(content: bytes, shapes: list[tuple[int, ...]]) -> Plan:
    return Plan(read_onnx_file(content, input_shape=shapes))


def _lasts(graph: Graph) -> dict[str, tuple[str, ...]]:
    """Return, by node, the tensors that are read by it for the last time."""
    reader: dict[str, str] = {}
    for node in graph:
        reader.update(dict.fromkeys(node.inputs, node.id))
    found: dict[str, tuple[str, ...]] = {}
    for name, node_id in reader.items():
        if name not in graph.outputs:
            found[node_id] = (*found.get(node_id, ()), name)
    return found
