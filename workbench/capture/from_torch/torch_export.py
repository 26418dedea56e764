"""Read a torch module into the engine's graph with `torch.export`.

Belongs here: tracing, constants, names of nodes. What each torch operation
becomes is in `aten_ops`. Module paths become layer ids, so masks, recipes and
reports speak of the same layers as the engine.
"""

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.export.graph_signature import InputKind, OutputKind, TensorArgument

from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_torch.call import base_name
from workbench.capture.from_torch.ends import Given, images_of, tensors_of
from workbench.capture.from_torch.exported import CaptureError, Exported, export
from workbench.capture.from_torch.translate import (
    check_end,
    checked,
    refuse_random,
    translated,
)
from workbench.engine.graph.graph import Graph
from workbench.engine.graph.signature import ONLY_INPUT


class HasShape(Protocol):
    """What takes images; networks of several inputs have `input_shapes` as well."""

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Return (C, H, W)."""
        ...


@runtime_checkable
class HasModule(HasShape, Protocol):
    """A `Network` or `PrunedNetwork`: a module and the shape it takes."""

    @property
    def name(self) -> str:
        """Return what people call it."""
        ...

    @property
    def module(self) -> nn.Module:
        """Return the module in eval mode."""
        ...


def capture(
    obj: HasModule | nn.Module,
    example: Given | None = None,
    *,
    name: str | None = None,
) -> Graph:
    """Return the engine's graph of a network.

    Parameters
    ----------
    obj : Network, PrunedNetwork or nn.Module
        Read in eval mode; not changed.
    example : torch.Tensor, or a tuple or mapping of them, optional
        One input (1, C, H, W); needed for a bare module. Several inputs in order, or
        by the names of forward's parameters.
    name : str, optional
        Name of the graph; the network's name by default.

    Returns
    -------
    Graph
        Un-simplified: batch norm and activations are still nodes.

    Raises
    ------
    CaptureError
        No example for a bare module, or data-dependent control flow.
    UncoveredOp
        An operation the engine does not have, named with its layer.

    Examples
    --------
    >>> graph = capture(nn.Sequential(nn.ReLU()), torch.zeros(1, 3, 4, 4))
    >>> [node.op for node in graph]
    ['input', 'relu']
    """
    if isinstance(obj, nn.Module):
        module, title = obj, name or type(obj).__name__
        if example is None:
            raise CaptureError(
                f"a bare module {type(obj).__name__} without an example input",
                "a tensor (1, C, H, W)",
                "Pass example=torch.zeros(1, 3, 224, 224) or wrap it in a Network.",
            )
    elif isinstance(obj, HasModule):
        module, title = obj.module, name or obj.name
        if example is None:
            example = images_of(shapes_of(obj))
    else:
        raise CaptureError(
            f"an object of type {type(obj).__name__}",
            "a Network, a PrunedNetwork or an nn.Module",
            "Load it with workbench.load_model or workbench.from_module first.",
        )
    own = own_graph(module, title)
    if own is not None:
        return own
    return _Reader(export(module, example), title).graph()


def own_graph(module: nn.Module, title: str) -> Graph | None:
    """Return the graph that a module brings itself, with its present numbers.

    Modules of ONNX files have the graph that was read from the file as long as they
    have its layers.
    """
    bring = getattr(module, "own_graph", None)
    graph: Graph | None = bring() if callable(bring) else None
    return None if graph is None else replace(graph, name=title)


def shapes_of(obj: HasShape) -> Mapping[str, tuple[int, ...]]:
    """Return the shape of every input of a network by name."""
    own: Mapping[str, tuple[int, ...]] | None = getattr(obj, "input_shapes", None)
    return own or {ONLY_INPUT: obj.input_shape}


class Recapture:
    """A network that is exported once and read again with other numbers.

    Parameters
    ----------
    obj : Network or PrunedNetwork
        Read in eval mode; not changed.

    Raises
    ------
    CaptureError
        As `capture`.
    """

    def __init__(self, obj: HasModule) -> None:
        self._network = obj
        if own_graph(obj.module, obj.name) is None:
            # What cannot be exported is refused here.
            self._reader.inputs()

    @cached_property
    def _reader(self) -> "_Reader":
        obj = self._network
        return _Reader(export(obj.module, images_of(shapes_of(obj))), obj.name)

    def __call__(self, module: nn.Module) -> Graph:
        """Return the graph with the parameters and buffers of another module.

        Raises
        ------
        CaptureError
            A module with other names or shapes of parameters.
        """
        own = own_graph(module, self._network.name)
        if own is not None:
            return own
        state = module.state_dict()
        mine = self._reader.program.state_dict
        if {k: v.shape for k, v in state.items()} != {
            k: v.shape for k, v in mine.items()
        }:
            raise CaptureError(
                "a module with other parameters than the one that was exported",
                f"{len(mine)} parameters and buffers of the same names and shapes",
                "Capture it by itself.",
            )
        return replace(self._reader, state=state, values={}, calls={}).graph()


def follow(module: nn.Module, x: Given) -> tuple[Graph, dict[str, NDArray[np.float32]]]:
    """Return the graph of a module and what torch computes for each of its nodes.

    Parameters
    ----------
    module : nn.Module
        Not changed.
    x : torch.Tensor, or a sequence or mapping of them, shape (1, C, H, W)
        One for each input.
    """
    reader = _Reader(export(module, x), type(module).__name__)
    graph = reader.graph()
    known: dict[str, Any] = dict(reader.constants())
    images = (one.clone() for one in tensors_of(x))
    known |= dict(zip(reader.inputs(), images, strict=True))
    tensors: dict[str, NDArray[np.float32]] = {}
    for node in reader.program.graph.nodes:
        if node.op == "placeholder":
            continue
        if node.op == "call_function":
            args: Any = torch.fx.node.map_arg(node.args, lambda n: known[n.name])
            kwargs: Any = torch.fx.node.map_arg(node.kwargs, lambda n: known[n.name])
            target: Any = node.target
            with torch.no_grad():
                known[node.name] = target(*args, **kwargs)
            value, made = reader.values[node.name], known[node.name]
            # The first name of a tensor is the node that makes it.
            if isinstance(value, Value) and value.id not in tensors:
                array = made.float().numpy().reshape(1, *value.shape)
                tensors[value.id] = array.copy()
    for name in graph.inputs:
        tensors.pop(name, None)
    return graph, tensors


@dataclass
class _Reader:
    """Walks an exported program once and feeds a `GraphBuilder`."""

    exported: Exported
    title: str
    state: Mapping[str, torch.Tensor] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    calls: dict[str, dict[tuple[str, int], int]] = field(default_factory=dict)

    @property
    def program(self) -> torch.export.ExportedProgram:
        """What torch exported."""
        return self.exported.program

    def graph(self) -> Graph:
        """Return the engine's graph; ``values`` then knows every node."""
        builder = GraphBuilder(self.title)
        constants = self.constants()
        names = dict(zip(self.inputs(), self._input_ids(), strict=True))
        results: tuple[str, ...] = ()
        for node in self.program.graph.nodes:
            if node.op == "placeholder":
                self._placeholder(builder, node, constants, names)
            elif node.op == "get_attr":
                # The body of a `with` block: its operation is refused by name.
                self.values[node.name] = None
            elif node.op == "call_function":
                self._call(builder, node)
            elif node.op == "output":
                results = self._results(node)
        return builder.graph(results, self.exported.signature)

    def inputs(self) -> list[str]:
        """Return the names of the exported program's own inputs, in order."""
        specs = self.program.graph_signature.input_specs
        return [
            one.arg.name
            for one in specs
            if one.kind == InputKind.USER_INPUT and isinstance(one.arg, TensorArgument)
        ]

    def _input_ids(self) -> tuple[str, ...]:
        names = self.exported.signature.inputs
        return names if len(names) > 1 else (ONLY_INPUT,)

    def constants(self) -> Mapping[str, torch.Tensor]:
        """Return parameters, buffers and literals by the name of their node."""
        signature = self.program.graph_signature
        program = self.program
        state = {**program.state_dict, **program.constants, **self.state}
        names = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        return {k: state[v].detach() for k, v in names.items() if v in state}

    def _placeholder(
        self,
        builder: GraphBuilder,
        node: torch.fx.Node,
        constants: Mapping[str, torch.Tensor],
        names: Mapping[str, str],
    ) -> None:
        if node.name in constants:
            self.values[node.name] = constants[node.name]
            return
        if node.name in names:
            shape = tuple(int(s) for s in node.meta["val"].shape[1:])
            self.values[node.name] = builder.input(shape, names[node.name])

    def _call(self, builder: GraphBuilder, node: torch.fx.Node) -> None:
        args: Any = torch.fx.node.map_arg(node.args, lambda n: self.values[n.name])
        kwargs: Any = torch.fx.node.map_arg(node.kwargs, lambda n: self.values[n.name])
        target: Any = node.target
        path, call = _module_path(node)
        # A module with two names is one layer: its calls are counted together.
        first = self.exported.first_names.get(path, path)
        calls = self.calls.setdefault(first, {})
        number = calls.setdefault((path, call), len(calls))
        builder.at(first, number, node.name)
        if not _reads_value(args, kwargs):
            refuse_random(builder, target)
            with torch.no_grad():
                self.values[node.name] = target(*args, **kwargs)
            return
        made = (
            args[0][args[1]]
            if target is operator.getitem
            else translated(builder, node, args, kwargs)
        )
        made = checked(builder, base_name(target), made, node.meta.get("val"))
        self.values[node.name] = made

    def _results(self, node: torch.fx.Node) -> tuple[str, ...]:
        kinds = [spec.kind for spec in self.program.graph_signature.output_specs]
        pairs = zip(kinds, cast("tuple[Any, ...]", node.args[0]), strict=True)
        found = [one for kind, one in pairs if kind == OutputKind.USER_OUTPUT]
        ids = []
        for name, one in zip(self.exported.signature.outputs, found, strict=True):
            made = self.values.get(getattr(one, "name", ""))
            called = f" ({name!r})" if len(found) > 1 else ""
            ids.append(check_end(made, called).id)
        return tuple(ids)


def _module_path(node: torch.fx.Node) -> tuple[str, int]:
    """Return the qualified module name and the number of this call of it."""
    stack = node.meta.get("nn_module_stack") or {}
    if not stack:
        return "", 0
    key = list(stack)[-1]
    path = stack[key][0]
    _, _, call = key.partition("@")
    return path, int(call) if call.isdigit() else 0


def _reads_value(args: Any, kwargs: Any) -> bool:
    found = False

    def visit(item: Any) -> None:
        nonlocal found
        if isinstance(item, (list, tuple)):
            for part in item:
                visit(part)
        elif isinstance(item, dict):
            for part in item.values():
                visit(part)
        elif hasattr(item, "shape") and not isinstance(item, torch.Tensor):
            found = True

    visit(args)
    visit(kwargs)
    return found
