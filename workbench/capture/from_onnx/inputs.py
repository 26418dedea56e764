"""The inputs of an ONNX file: their shapes, and the batch that the file fixes.

Belongs here: which inputs are images rather than weights, and what a caller must say of
those with free sizes. Does not belong here: walking the nodes (`onnx_import`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import onnx
from onnx import TensorProto

from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_onnx.constants import OnnxError
from workbench.engine.graph.signature import ONLY_INPUT

Shape = Sequence[int]
Shapes = Shape | Sequence[Shape] | Mapping[str, Shape]

REAL = (
    TensorProto.FLOAT,
    TensorProto.UNDEFINED,
    TensorProto.FLOAT16,
    TensorProto.BFLOAT16,
    TensorProto.DOUBLE,
)
"""Types of images; float32 stands in for all of them."""

LETTERS = {1: "F", 2: "CL", 3: "CHW", 4: "CDHW"}
"""What the axes of images are called where the file has no name for them."""

WHOLE: Mapping[int, str] = {
    TensorProto.UINT8: "uint8",
    TensorProto.INT8: "int8",
    TensorProto.INT32: "int32",
    TensorProto.INT64: "int64",
}
"""Types of whole numbers, as which float32 numbers are read that come in."""


def add_inputs(
    b: GraphBuilder, free: Sequence[onnx.ValueInfoProto], given: Shapes | None
) -> tuple[dict[str, Value], int]:
    """Add every input to a graph; return them by name, and the file's batch.

    Parameters
    ----------
    b : GraphBuilder
    free : sequence of onnx.ValueInfoProto
        Inputs that are no weights.
    given : tuple of int, or a sequence or mapping of them, optional
        Shapes where the file leaves sizes free.

    Returns
    -------
    tuple of dict and int
        The batch is 0 where the file leaves it free.
    """
    names = tuple(one.name for one in free)
    if not names or len(set(names)) != len(names):
        raise OnnxError(
            f"{len(names)} inputs ({', '.join(names)})",
            "at least one image input, each with a name of its own",
            "Export the part of the network that takes images.",
        )
    shapes = _shapes_of(given, names)
    values, batches = {}, set()
    for one in free:
        batch, shape = _shape(one, shapes.get(one.name), len(free) > 1)
        batches.add(batch)
        value = b.input(shape, one.name if len(free) > 1 else ONLY_INPUT)
        kind = WHOLE.get(one.type.tensor_type.elem_type, "float32")
        values[one.name] = replace(value, kind=kind)
    if len(batches - {0}) > 1:
        raise OnnxError(
            f"inputs of batches {', '.join(map(str, sorted(batches)))}",
            "the same batch as first axis of every input",
            "Export the network with one batch for all its inputs.",
        )
    return values, max(batches)


def _shape(
    one: onnx.ValueInfoProto, given: Shape | None, several: bool
) -> tuple[int, tuple[int, ...]]:
    name, kind = one.name, one.type.tensor_type
    if kind.elem_type not in (*REAL, *WHOLE):
        raise OnnxError(
            f"input {name!r} of {_kind_name(kind.elem_type)}",
            "images of floats, bytes or whole numbers",
            "Convert the model to float32, or cut the conversion off its start.",
        )
    # Some exporters write -1 for a free size.
    sizes = [max(d.dim_value, 0) for d in kind.shape.dim]
    batch, *dims = sizes or [0]
    shape = tuple(int(size) for size in given or ())
    if len(shape) == len(sizes) > 1 and shape[0] in (1, batch):
        shape = shape[1:]
    shape = shape or tuple(dims)
    if not shape or not all(shape):
        letters = LETTERS.get(len(dims) or 3, "?" * len(dims))
        given_names = [d.dim_param for d in kind.shape.dim][1:] or [""] * len(letters)
        words = [
            name if name.isidentifier() else letter
            for name, letter in zip(given_names, letters, strict=True)
        ]
        wanted = [
            str(n or w) for n, w in zip(dims or [0] * len(words), words, strict=True)
        ]
        text = f"({', '.join(wanted)}{',' * (len(wanted) == 1)})"
        named = f"{{{name!r}: {text}}}" if several else text
        raise OnnxError(
            f"input {name!r} of shape {dims} with free sizes (0)",
            "a fixed size for each of them",
            f"Pass input_shape={named} with your numbers, without the batch; on the "
            f"command line --input-shape {','.join(wanted)}.",
        )
    differs = any(d and d != s for d, s in zip(dims, shape, strict=False))
    if dims and (len(dims) != len(shape) or differs):
        raise OnnxError(
            f"an example of shape {shape} for input {name!r}",
            f"{tuple(dims)}, where 0 is free",
            "Pass the shape that the file was exported with, without the batch.",
        )
    return batch, shape


def _kind_name(number: int) -> str:
    names = {n: str(name) for name, n in TensorProto.DataType.items()}
    return names.get(number, f"type {number}").lower()


def _shapes_of(
    given: Shapes | None, names: Sequence[str]
) -> Mapping[str, Sequence[int]]:
    """Return shapes by the name of their input."""
    if given is None or isinstance(given, Mapping):
        return dict(given or {})
    if all(isinstance(size, int | np.integer) for size in given):
        given = [cast(Shape, given)]
    shapes = cast("Sequence[Shape]", given)
    if len(shapes) != len(names):
        raise OnnxError(
            f"{len(shapes)} shapes",
            f"one for each of {', '.join(names)}",
            "Give a shape for every input, in this order or by name.",
        )
    return dict(zip(names, shapes, strict=True))
