"""The network as one ONNX file with a free batch size."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from workbench.capture.from_torch.torch_export import shapes_of
from workbench.errors import WorkbenchError
from workbench.export.format import Exportable, Format
from workbench.export.outputs import check_outputs, first_line
from workbench.export.provenance import PREFIX, provenance
from workbench.export.report import Check, failed, passed
from workbench.export.seal import BLANK, check_seal, seal
from workbench.measure.onnx_model import to_onnx
from workbench.models.pickle_guard import BROKEN_FILE_ERRORS
from workbench.reading import read_regular

PRODUCER = "pruning-workbench"
# TensorProto.FLOAT; onnx itself is imported when it is needed.
_FLOAT = 1
_ENDLESS = frozenset({"Loop", "Scan", "SequenceMap"})
_AGAIN = "Fetch or export the file again."


def write(network: Exportable, path: Path) -> None:
    """Write the model with provenance and seal in its metadata."""
    model = to_onnx(network.module, shapes_of(network))
    facts = provenance(network)
    if not _came_as_onnx(network):
        model.producer_name = PRODUCER
        model.producer_version = facts[PREFIX + "version"]
    # A file that was written by us before has such entries already.
    kept = [one for one in model.metadata_props if not one.key.startswith(PREFIX)]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    for key, value in {**facts, PREFIX + "seal": BLANK}.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    path.write_bytes(seal(model.SerializeToString()))


def _came_as_onnx(network: Exportable) -> bool:
    """Say whether the network was read from a file, which keeps its producer."""
    return hasattr(network.module, "onnx_model")


def check(path: Path, against: Exportable | None) -> Iterator[Check]:
    """Parse, validate and run the model; compare with torch."""
    if find_spec("onnx") is None:
        raise WorkbenchError(
            found="the module onnx is not installed",
            expected="the onnx package, to check an ONNX file",
            next_step="Run: pip install onnx onnxscript",
        )
    sealed = check_seal(path, required=False)
    if not sealed.ok:
        yield sealed
        return
    model, structure = _parse(path)
    yield structure
    if model is None:
        return
    sealed = check_seal(path, required=_is_ours(model))
    yield sealed
    if not sealed.ok:
        return
    valid = _validate(model)
    if not valid.ok and against is not None and _came_as_onnx(against):
        # What was wrong with the file that came in is not the pruning's fault.
        before = _validate(against.module.source_model)
        if before.found == valid.found:
            valid = passed("validity", f"{valid.found}, as the file that came in")
    yield valid
    if not valid.ok:
        return
    endless = sorted(_ENDLESS & _operations(model))
    if endless:
        yield failed(
            "outputs",
            f"a model with {', '.join(endless)}, whose turns nobody can bound",
            expected="operations that run once each",
            next_step="Export the network without loops; nothing of it was run.",
        )
        return
    yield _check_input(model, against)


def _operations(part: Any) -> set[str]:
    """Return the names of all operations, in subgraphs and functions too."""
    if part.DESCRIPTOR.name == "NodeProto":
        inner = [g for one in part.attribute for g in (one.g, *one.graphs)]
        return {part.op_type}.union(*(_operations(graph) for graph in inner))
    if part.DESCRIPTOR.name == "ModelProto":
        bodies = (part.graph, *part.functions)
        return set().union(*(_operations(body) for body in bodies))
    return set().union(*(_operations(node) for node in part.node))


def _check_input(model: Any, against: Exportable | None) -> Check:
    """Run the model on what its input says it takes."""
    weights = {weight.name for weight in model.graph.initializer}
    inputs = [one for one in model.graph.input if one.name not in weights]
    kinds = [one.type.tensor_type for one in inputs]
    first = len(kinds[0].shape.dim) if kinds else 0
    if first != 4 or any(kind.elem_type != _FLOAT for kind in kinds):
        return failed(
            "outputs",
            f"a model with {len(inputs)} inputs, of which the first takes no batch of "
            "float32 images",
            expected="float32 inputs, first (N, C, H, W)",
            next_step="Export the part of the network that takes images.",
        )
    # A size that the file leaves open reads as 0; some write -1 for it.
    sides = [[max(side.dim_value, 0) for side in kind.shape.dim] for kind in kinds]
    batch, shapes = sides[0][0], [tuple(one[1:]) for one in sides]
    if against is not None and len(shapes) == len(shapes_of(against)):
        shapes = [
            tuple(said or ours for said, ours in zip(shape, wanted, strict=False))
            for shape, wanted in zip(shapes, shapes_of(against).values(), strict=True)
        ]
    if any(0 in shape for shape in shapes):
        return passed("outputs", "not run: the file leaves the image size open")
    batches = (batch,) if batch else (1, 3)
    names = [one.name for one in inputs]
    return check_outputs(_runner(model, names), against, shapes, batches=batches)


def _parse(path: Path) -> tuple[Any, Check]:
    import onnx
    from google.protobuf.message import DecodeError

    model = onnx.ModelProto()
    try:
        model.ParseFromString(read_regular(path))
    except DecodeError as error:
        return None, failed(
            "structure",
            f"not a whole ONNX file ({error})",
            expected="an ONNX model",
            next_step=_AGAIN,
        )
    if not model.graph.node:
        return None, failed(
            "structure",
            "an ONNX file without operations",
            expected="an ONNX model with a graph",
            next_step=_AGAIN,
        )
    return model, passed("structure", f"ONNX, {len(model.graph.node)} operations")


def _is_ours(model: Any) -> bool:
    keys = (entry.key for entry in model.metadata_props)
    return model.producer_name == PRODUCER or any(k.startswith(PREFIX) for k in keys)


def _validate(model: Any) -> Check:
    import onnx

    if not model.opset_import:
        return failed(
            "validity",
            "a model that names no opset",
            expected="the version of the operations that it uses",
            next_step=_AGAIN,
        )
    if any(weight.external_data for weight in model.graph.initializer):
        return failed(
            "validity",
            "weights that lie in other files",
            expected="one file that holds everything",
            next_step="Save the model with its weights inside.",
        )
    errors: tuple[type[Exception], ...] = (
        onnx.checker.ValidationError,
        onnx.shape_inference.InferenceError,
        *BROKEN_FILE_ERRORS,
    )
    try:
        onnx.checker.check_model(model, full_check=True)
    except errors as error:
        return failed(
            "validity",
            f"an invalid graph ({first_line(error)})",
            expected="a graph that passes the ONNX checker",
            next_step=_AGAIN,
        )
    opset = max(entry.version for entry in model.opset_import)
    return passed("validity", f"passes the ONNX checker, opset {opset}")


Run = Callable[[Sequence[np.ndarray]], Sequence[np.ndarray]]


def _runner(model: Any, names: Sequence[str]) -> Run:
    """Return the model as a function, run by the quickest thing installed."""
    if find_spec("onnxruntime") is not None:
        return _onnxruntime(model, names)
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(model)
    return lambda x: list(evaluator.run(None, dict(zip(names, x, strict=True))))


def _onnxruntime(model: Any, names: Sequence[str]) -> Run:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as native

    # Its errors have no base of their own below Exception.
    errors = tuple(
        kind
        for kind in vars(native).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    )

    @cache
    def session() -> Any:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def run(x: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        try:
            made: list[np.ndarray] = session().run(
                None, dict(zip(names, x, strict=True))
            )
            return made
        except errors as error:
            raise RuntimeError(str(error)) from error

    return run


FORMAT = Format(
    name="onnx",
    label="ONNX model for any runtime",
    suffixes=(".onnx",),
    write=write,
    check=check,
)
