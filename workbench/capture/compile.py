"""One call from a network to a program: capture, then compile.

torch and onnx are imported only when a network of theirs comes in, so an ONNX file
compiles and runs on a machine without torch.
"""

import weakref
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.capture.parting import check_program
from workbench.capture.sources import OnnxSource, Source, TorchSource
from workbench.engine.compile import Tune, compile_graph
from workbench.engine.graph.graph import Graph
from workbench.engine.program import Program
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from torch import nn

    from workbench.capture.from_onnx.inputs import Shapes
    from workbench.capture.from_torch.ends import Given
    from workbench.capture.from_torch.torch_export import HasModule


def compile(
    obj: "HasModule | nn.Module | str | PathLike[str]",
    *,
    threads: int = 1,
    example: "Given | None" = None,
    input_shape: "Shapes | None" = None,
    tune: Tune = "measure",
    budget: float | None = None,
    generated: bool = True,
    check: bool = True,
) -> Program:
    """Return a program that gives the same result as the network.

    Parameters
    ----------
    obj : Network, PrunedNetwork, nn.Module, or path of an ONNX file
        Zeros in its weights are skipped wherever that measures faster.
    threads : int
        Threads that share each step.
    example : torch.Tensor, or a tuple or mapping of them, optional
        One input (1, C, H, W); needed for a bare module. Several inputs in order, or by
        the names of forward's parameters.
    input_shape : tuple of int, or a sequence or mapping of them, optional
        (C, H, W) of an ONNX file whose height or width is free; of several inputs in
        order or by name. An example says as much.
    tune : str
        ``measure`` times the candidates of every layer on this machine; ``model``
        starts at once on a cost model.
    budget : float, optional
        Seconds that finding a plan may take; 16 if not given, more for networks much
        larger than ResNet-50.
    generated : bool
        False leaves out machine code written for the layer's mask: the data-driven
        kernels alone.
    check : bool
        Compare once with torch, or with ONNX Runtime, on two random images. False is
        for callers that compare outputs themselves.

    Returns
    -------
    Program

    Raises
    ------
    WorkbenchError
        A network that cannot be captured, an operation that is not covered, or a
        program that does not give the network's numbers.
    """
    graph = _graph(obj, example, input_shape)
    program = compile_graph(
        graph,
        threads=threads,
        tune=tune,
        budget_s=budget,
        generated=generated,
    )
    if check:
        check_program(program, _source(obj, graph))
    if not isinstance(obj, str | PathLike):
        program.source = weakref.ref(obj)
    return program


def _graph(
    obj: "HasModule | nn.Module | str | PathLike[str]",
    example: "Given | None",
    input_shape: "Shapes | None",
) -> Graph:
    if isinstance(obj, str | PathLike):
        from workbench.capture.from_onnx.onnx_import import import_onnx

        return import_onnx(Path(obj), input_shape=input_shape or _shapes(example))
    if input_shape is not None:
        raise WorkbenchError(
            f"input_shape={input_shape} for a {type(obj).__name__}",
            "the path of an ONNX file",
            "Pass example=torch.zeros(1, ...) of that shape for a module.",
        )
    from workbench.capture.from_torch.torch_export import capture

    return capture(obj, example)


def _shapes(example: "Given | None") -> Any:
    """Return the shapes of an example's inputs without the batch."""
    if example is None or hasattr(example, "shape"):
        return None if example is None else tuple(example.shape[1:])
    if isinstance(example, Mapping):
        return {name: tuple(one.shape[1:]) for name, one in example.items()}
    return [tuple(one.shape[1:]) for one in example]


def _source(obj: "HasModule | nn.Module | str | PathLike[str]", graph: Graph) -> Source:
    if isinstance(obj, str | PathLike):
        return OnnxSource(Path(obj), graph)
    return TorchSource(obj, graph.signature.inputs)
