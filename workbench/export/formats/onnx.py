"""The network as one ONNX file with a free batch size."""

from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

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
    model = to_onnx(network.module, network.input_shape)
    model.producer_name = PRODUCER
    facts = provenance(network)
    model.producer_version = facts[PREFIX + "version"]
    for key, value in {**facts, PREFIX + "seal": BLANK}.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    path.write_bytes(seal(model.SerializeToString()))


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
    if len(kinds) != 1 or len(kinds[0].shape.dim) != 4 or kinds[0].elem_type != _FLOAT:
        return failed(
            "outputs",
            f"a model with {len(inputs)} inputs, or one that takes no batch of images",
            expected="one float32 input (N, C, H, W)",
            next_step="Export the part of the network that takes images.",
        )
    # A size that the file leaves open reads as 0.
    batch, *shape = (side.dim_value for side in kinds[0].shape.dim)
    if against is not None:
        wanted = against.input_shape
        shape = [said or ours for said, ours in zip(shape, wanted, strict=True)]
    if 0 in shape:
        return passed("outputs", "not run: the file leaves the image size open")
    batches = (batch,) if batch else (1, 3)
    return check_outputs(
        _runner(model, inputs[0].name), against, shape, batches=batches
    )


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


def _runner(model: Any, name: str) -> Callable[[np.ndarray], np.ndarray]:
    """Return the model as a function, run by the quickest thing installed."""
    if find_spec("onnxruntime") is not None:
        return _onnxruntime(model, name)
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(model)
    return lambda x: _first(evaluator.run(None, {name: x}))


def _onnxruntime(model: Any, name: str) -> Callable[[np.ndarray], np.ndarray]:
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

    def run(x: np.ndarray) -> np.ndarray:
        try:
            return _first(session().run(None, {name: x}))
        except errors as error:
            raise RuntimeError(str(error)) from error

    return run


def _first(outputs: Any) -> np.ndarray:
    return np.asarray(outputs[0], dtype=np.float32)


FORMAT = Format(
    name="onnx",
    label="ONNX model for any runtime",
    suffixes=(".onnx",),
    write=write,
    check=check,
)
