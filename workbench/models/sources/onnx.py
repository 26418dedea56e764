"""`FILE.onnx`: a network that came as an ONNX file."""

from pathlib import Path

from workbench.engine.compile import check_memory
from workbench.errors import WorkbenchError
from workbench.models.input_shapes import Shapes
from workbench.models.sources.request import Found, Request, Source, unusable


def load(request: Request) -> Found:
    """Return the module of an ONNX file, with the file's own weights.

    Raises
    ------
    WorkbenchError
        The package onnx is missing, the file cannot be read, has an operation that is
        not covered or sizes that are free, or random weights are asked for.
    """
    if request.random or request.settings:
        raise WorkbenchError(
            f"'{request.spec}' with "
            + (", ".join(request.settings) or "random weights"),
            "an ONNX file as it is: it holds its structure and its weights",
            "Leave the option out.",
        )
    return found_in(Path(request.name), request.input_shape)


def found_in(source: Path | bytes, input_shape: Shapes | None = None) -> Found:
    """Return the module of an ONNX file, or of its content."""
    try:
        from workbench.capture.from_onnx.onnx_file import read_onnx_file
        from workbench.models.from_graph.module import GraphModule
    except ModuleNotFoundError as error:
        raise unusable("onnx", error) from error
    file = read_onnx_file(source, input_shape=input_shape)
    check_memory(file.graph)
    shapes = dict(
        zip(file.graph.signature.inputs, file.graph.input_shapes, strict=True)
    )
    shape = next(iter(shapes.values())) if len(shapes) == 1 else shapes
    module = GraphModule(file)
    notes: tuple[str, ...] = ()
    if module.foreign:
        notes = (
            f"{', '.join(module.foreign)} run in ONNX's own evaluator: no gradient "
            "passes them, so that training stops there",
        )
    return Found(module, shape, notes=notes)


SOURCE = Source("onnx", "FILE.onnx", load, suffix=".onnx")
