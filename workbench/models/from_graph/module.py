"""The torch module of an ONNX file: layers to prune by, and the way back to the file.

Belongs here: the module. Does not belong here: reading files (`sources.onnx`).
"""

from __future__ import annotations

from math import prod
from typing import Any

from torch import Tensor, nn

from workbench.capture.from_onnx.onnx_file import OnnxFile
from workbench.capture.from_onnx.write_back import Numbers, with_numbers
from workbench.engine.graph.graph import Graph
from workbench.models.from_graph.elementwise import activated
from workbench.models.from_graph.layers import array, graph_params, layer
from workbench.models.from_graph.names import put
from workbench.models.from_graph.plan import TRAINED, Part, Plan
from workbench.models.from_graph.step import GraphStep


class GraphModule(nn.Module):
    """An ONNX network in torch: convolutions and linear layers are torch's own.

    Every operation is a module under the name of the file's node (or of its weight,
    where that says the layer). Any batch goes in, whatever the file fixes.

    Parameters
    ----------
    file : OnnxFile
    """

    def __init__(self, file: OnnxFile) -> None:
        super().__init__()
        self._plan = Plan(file)
        shapes = {node.id: node.shape for node in file.graph}
        owners: dict[str, nn.Parameter] = {}
        for name, part in self._plan.first_parts.items():
            if part.kind is None:
                trained = TRAINED if part.node.op in ("prelu", "layernorm") else ()
                made: nn.Module = GraphStep(
                    part.node, shapes[part.node.inputs[0]], trained
                )
            else:
                made = layer(part.kind, part.node, self._plan.arrays(part))
                self._tie(part, made, owners)
            put(self, name, made)
        self.eval()

    def _tie(
        self, part: Part, made: nn.Module, owners: dict[str, nn.Parameter]
    ) -> None:
        """Let layers hold one parameter where the file has one weight for them."""
        node = part.node
        if node.op == "batchnorm" or node.id not in self._plan.file.origins:
            return
        weight = made.get_parameter("weight")
        key = str(self._plan.file.origin(node.id).input[1])
        first = owners.setdefault(key, weight)
        if first.shape == weight.shape and bool((first == weight).all()):
            made.weight = first

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        for part in self._plan.parts:
            module = self.get_submodule(part.name)
            if part.node.foreign is not None and isinstance(module, GraphStep):
                module.rebind(part.node)

    @property
    def foreign(self) -> tuple[str, ...]:
        """Operations that torch has no function for, each once."""
        found = [p.node.attrs["name"] for p in self._plan.parts if p.node.foreign]
        return tuple(dict.fromkeys(found))

    def forward(self, image: Tensor, *more: Tensor) -> Any:
        """Return the network's results for a batch of each input."""
        graph = self._plan.graph
        values: dict[str, Tensor] = dict(zip(graph.inputs, (image, *more), strict=True))
        for part in self._plan.parts:
            inputs = [values[name] for name in part.node.inputs]
            values[part.node.id] = self._run(part, inputs)
            for name in part.last:
                del values[name]
        return graph.signature.returned([values[name] for name in graph.outputs])

    def _run(self, part: Part, inputs: list[Tensor]) -> Tensor:
        module = self.get_submodule(part.name)
        if part.kind is None:
            made: Tensor = module(*inputs)
            return made
        made = part.kind.after(
            part.node, module(part.kind.before(part.node, inputs[0]))
        )
        if len(inputs) > 1:
            made = made + inputs[1]
        return activated(made, part.node.attrs.get("act"))

    def own_graph(self) -> Graph | None:
        """Return the file's graph with this module's numbers.

        None where it is another graph: layers were exchanged, or channels cut out.
        """
        nodes = []
        params = self._params()
        if params is None:
            return None
        calls: dict[str, int] = {}
        ids = {name: name for name in self._plan.graph.inputs}
        for part in self._plan.parts:
            number = calls[part.name] = calls.get(part.name, -1) + 1
            ids[part.node.id] = f"{part.name}@{number}" if number else part.name
        for node in self._plan.graph:
            inputs = tuple(ids[name] for name in node.inputs)
            numbers = params.get(node.id, {})
            nodes.append(node.but(id=ids[node.id], inputs=inputs, params=numbers))
        graph = self._plan.graph
        return graph.but(nodes, tuple(ids[name] for name in graph.outputs))

    def _params(self) -> dict[str, dict[str, Any]] | None:
        """Return every node's numbers by the graph's names, if the graph has them."""
        found = {}
        for part in self._plan.parts:
            module = self.get_submodule(part.name)
            params: dict[str, Any] | None = None
            if part.kind is not None:
                params = graph_params(part.node, module)
            elif isinstance(module, GraphStep):
                params = {
                    name: array(getattr(module, name)) for name in part.node.params
                }
            if params is None or any(
                params[name].shape != old.shape
                for name, old in part.node.params.items()
            ):
                return None
            found[part.node.id] = params
        return found

    @property
    def graph_elements(self) -> int:
        """Numbers in all tensors of one forward pass of one image."""
        return sum(prod(node.shape) for node in self._plan.graph)

    @property
    def source_model(self) -> Any:
        """The model of the file that came in."""
        return self._plan.file.model

    def onnx_model(self) -> Any:
        """Return the file's model with this module's numbers, or None.

        Channels that were cut out are cut out of the file's weights. None where
        layers were exchanged for others, which the file does not have.

        Raises
        ------
        WorkbenchError
            Numbers that the file has no place for.
        """
        numbers = {}
        for part in self._plan.parts:
            module = self.get_submodule(part.name)
            made = _numbers(part, module)
            if made is None:
                return None
            numbers[part.node.id] = made
        return with_numbers(self._plan.file, numbers)


def _numbers(part: Part, module: nn.Module) -> Numbers | None:
    """Return a module's numbers as they go back into the file."""
    if part.kind is None:
        if not isinstance(module, GraphStep):
            return None
        return Numbers(
            {name: array(getattr(module, name)) for name in part.node.params}
        )
    own: dict[str, Tensor] = {
        **dict(module.named_parameters(recurse=False)),
        **dict(module.named_buffers(recurse=False)),
    }
    own.pop("num_batches_tracked", None)
    if graph_params(part.node, module) is None:
        return None
    names = {"weight": "scale", "bias": "shift"} if part.node.op == "groupnorm" else {}
    groups = getattr(module, "groups", getattr(module, "num_groups", None))
    arrays = {names.get(name, name): array(value) for name, value in own.items()}
    return Numbers(arrays, groups)
