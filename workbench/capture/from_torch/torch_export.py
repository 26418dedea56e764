"""Read a torch module into the engine's graph with `torch.export`.

Belongs here: tracing, constants, names of nodes. What each torch operation
becomes is in `aten_ops`. Module paths become layer ids, so masks, recipes and
reports speak of the same layers as the engine.
"""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.export.graph_signature import OutputKind

from workbench.capture.arguments import refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_torch.aliases import without_aliases
from workbench.capture.from_torch.call import base_name, bind
from workbench.capture.from_torch.suitable import cause_of_failure, refuse_unsuitable
from workbench.capture.from_torch.table import TRANSLATIONS
from workbench.capture.from_torch.twin import twin
from workbench.engine.graph.graph import Graph
from workbench.errors import WorkbenchError


class CaptureError(WorkbenchError):
    """A module that cannot be read as one static graph."""


@runtime_checkable
class HasModule(Protocol):
    """A `Network` or `PrunedNetwork`: a module and the shape it takes."""

    @property
    def name(self) -> str:
        """Return what people call it."""
        ...

    @property
    def module(self) -> nn.Module:
        """Return the module in eval mode."""
        ...

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Return (C, H, W)."""
        ...


def capture(
    obj: HasModule | nn.Module,
    example: torch.Tensor | None = None,
    *,
    name: str | None = None,
) -> Graph:
    """Return the engine's graph of a network.

    Parameters
    ----------
    obj : Network, PrunedNetwork or nn.Module
        Read in eval mode; not changed.
    example : torch.Tensor, optional
        One input (1, C, H, W); needed for a bare module.
    name : str, optional
        Name of the graph; the network's name by default.

    Returns
    -------
    Graph
        Un-simplified: batch norm and activations are still nodes.

    Raises
    ------
    CaptureError
        No example for a bare module, several inputs, data-dependent control
        flow.
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
            example = torch.zeros(1, *obj.input_shape)
    else:
        raise CaptureError(
            f"an object of type {type(obj).__name__}",
            "a Network, a PrunedNetwork or an nn.Module",
            "Load it with workbench.load_model or workbench.from_module first.",
        )
    return _Reader(_export(module, example[:1]), title).graph()


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
        self._title = obj.name
        self._program = _export(obj.module, torch.zeros(1, *obj.input_shape))

    def __call__(self, module: nn.Module) -> Graph:
        """Return the graph with the parameters and buffers of another module.

        Raises
        ------
        CaptureError
            A module with other names or shapes of parameters.
        """
        state = module.state_dict()
        mine = self._program.state_dict
        if {k: v.shape for k, v in state.items()} != {
            k: v.shape for k, v in mine.items()
        }:
            raise CaptureError(
                "a module with other parameters than the one that was exported",
                f"{len(mine)} parameters and buffers of the same names and shapes",
                "Capture it by itself.",
            )
        return _Reader(self._program, self._title, state).graph()


def follow(
    module: nn.Module, x: torch.Tensor
) -> tuple[Graph, dict[str, NDArray[np.float32]]]:
    """Return the graph of a module and what torch computes for each of its nodes.

    Parameters
    ----------
    module : nn.Module
        Not changed.
    x : torch.Tensor, shape (1, C, H, W)
    """
    program = _export(module, x)
    reader = _Reader(program, type(module).__name__)
    graph = reader.graph()
    known: dict[str, Any] = dict(reader.constants())
    tensors: dict[str, NDArray[np.float32]] = {}
    for node in program.graph.nodes:
        if node.op == "placeholder":
            known.setdefault(node.name, x.clone())
        elif node.op == "call_function":
            args: Any = torch.fx.node.map_arg(node.args, lambda n: known[n.name])
            kwargs: Any = torch.fx.node.map_arg(node.kwargs, lambda n: known[n.name])
            target: Any = node.target
            with torch.no_grad():
                known[node.name] = target(*args, **kwargs)
            value, made = reader.values[node.name], known[node.name]
            # The first name of a tensor is the node that makes it.
            if isinstance(value, Value) and value.id not in tensors:
                tensors[value.id] = made.numpy().copy()
    tensors.pop("input", None)
    return graph, tensors


def _export(module: nn.Module, example: torch.Tensor) -> torch.export.ExportedProgram:
    refuse_unsuitable(module)
    _check_example(example)
    try:
        with torch.no_grad():
            program = torch.export.export(twin(module), (example,), strict=False)
            return without_aliases(program)
    except WorkbenchError:
        raise
    # Whatever the module's own forward raises while it is traced.
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else ""
        cause, advice = cause_of_failure(module)
        raise CaptureError(
            f"{type(module).__name__} cannot be exported as one graph "
            f"({cause or reason or type(error).__name__})",
            "a forward pass without control flow that depends on the data",
            advice or "Run it in torch, or rewrite the branch with fixed structure.",
        ) from error


def _check_example(example: Any) -> None:
    if not isinstance(example, torch.Tensor):
        found = f"an example of type {type(example).__name__}"
    elif example.dtype != torch.float32:
        found = f"an example of type {str(example.dtype).removeprefix('torch.')}"
    elif example.ndim < 2 or not example.numel():
        found = f"an example of shape {tuple(example.shape)}"
    else:
        return
    raise CaptureError(
        found,
        "a float32 tensor (1, C, H, W)",
        "Pass example=torch.zeros(1, 3, 224, 224), with the sizes of your network.",
    )


@dataclass
class _Reader:
    """Walks an exported program once and feeds a `GraphBuilder`."""

    program: torch.export.ExportedProgram
    title: str
    state: Mapping[str, torch.Tensor] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    def graph(self) -> Graph:
        """Return the engine's graph; ``values`` then knows every node."""
        builder = GraphBuilder(self.title)
        constants = self.constants()
        result: str | None = None
        for node in self.program.graph.nodes:
            if node.op == "placeholder":
                self._placeholder(builder, node, constants)
            elif node.op == "get_attr":
                # The body of a `with` block: its operation is refused by name.
                self.values[node.name] = None
            elif node.op == "call_function":
                self._call(builder, node)
            elif node.op == "output":
                result = self._result(node)
        if result is None:
            raise CaptureError("a graph without output", "one tensor", "Return one.")
        return builder.graph(result)

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
    ) -> None:
        if node.name in constants:
            self.values[node.name] = constants[node.name]
            return
        shape = tuple(int(s) for s in node.meta["val"].shape[1:])
        self.values[node.name] = builder.input(shape)

    def _call(self, builder: GraphBuilder, node: torch.fx.Node) -> None:
        args: Any = torch.fx.node.map_arg(node.args, lambda n: self.values[n.name])
        kwargs: Any = torch.fx.node.map_arg(node.kwargs, lambda n: self.values[n.name])
        target: Any = node.target
        path, call = _module_path(node)
        builder.at(path, call, node.name)
        if not _reads_value(args, kwargs):
            _refuse_random(builder, target)
            with torch.no_grad():
                self.values[node.name] = target(*args, **kwargs)
            return
        made = (
            args[0][args[1]]
            if target is operator.getitem
            else _translated(builder, target, args, kwargs)
        )
        _check_result(builder, base_name(target), made, node.meta.get("val"))
        self.values[node.name] = made

    def _result(self, node: torch.fx.Node) -> str:
        found = self.program.call_spec.out_spec
        kinds = [spec.kind for spec in self.program.graph_signature.output_specs]
        pairs = zip(kinds, cast("tuple[Any, ...]", node.args[0]), strict=True)
        results = [one for kind, one in pairs if kind == OutputKind.USER_OUTPUT]
        name = getattr(results[0], "name", "") if len(results) == 1 else ""
        made = self.values.get(name)
        if found is not None and not found.is_leaf():
            kind = getattr(found.type, "__name__", str(found.type))
            raise CaptureError(
                f"a network that returns a {kind} with {len(results)} results",
                "exactly one tensor",
                "Wrap it in a module that returns only the tensor to be computed.",
            )
        if not isinstance(made, Value):
            raise CaptureError(
                "a result that does not depend on the image, or an unfinished "
                "channel shuffle",
                "one tensor that is computed from the image",
                "Return only the tensor to be computed.",
            )
        return made.id


def _translated(
    builder: GraphBuilder, target: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Any:
    """Return what one call becomes; arguments that nobody reads are refused."""
    known = TRANSLATIONS.get(base_name(target))
    if known is None or not isinstance(target, torch._ops.OpOverload):
        raise refuse(builder, str(target).replace("_.", "."))
    call = bind(target, args, kwargs)
    objection = known.objection(call.given, call.defaults)
    if objection:
        raise refuse(builder, f"{call.name} with {objection}")
    return known.translate(builder, call)


def _check_result(builder: GraphBuilder, name: str, made: Any, torchs: Any) -> None:
    """Refuse a result of another type or shape than torch's."""
    if isinstance(torchs, list | tuple):
        for one, its in zip(made, torchs, strict=True):
            _check_result(builder, name, one, its)
    elif isinstance(torchs, torch.Tensor) and made is not None:
        if torchs.dtype != torch.float32:
            kind = str(torchs.dtype).removeprefix("torch.")
            raise refuse(builder, f"{name} with a result of type {kind}, not float32")
        if tuple(torchs.shape) != (1, *made.shape):
            raise refuse(
                builder,
                f"{name} that makes a tensor of shape {tuple(torchs.shape)} of one "
                f"image, where a batch of one is {(1, *made.shape)}",
            )


def _refuse_random(builder: GraphBuilder, target: Any) -> None:
    tags = getattr(target, "tags", ())
    if torch.Tag.nondeterministic_seeded in tags:
        raise refuse(builder, f"{base_name(target)} with random numbers")


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
