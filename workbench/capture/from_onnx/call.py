"""One ONNX node as a translation sees it, and what its operation declares.

Belongs here: the inputs and types that a declared table adds to `operations`, and the
check of a node against both. Does not belong here: the table itself (`table`),
translations.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import defs

from workbench.capture.arguments import Refused, refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.operations import Operation
from workbench.engine.graph.graph import UncoveredOp


@dataclass(frozen=True)
class Call:
    """One ONNX node with its inputs resolved.

    Parameters
    ----------
    inputs : tuple
        A `Value`, a numpy constant, or None where an optional input is left out.
    attrs : mapping
        Those that the node has.
    opset : int
    outputs : int
        Outputs that are named.
    batch : int
        The batch that the file fixes; 0 where it leaves it free.
    name : str
        Of the operation.
    """

    inputs: tuple[Any, ...]
    attrs: Mapping[str, Any]
    opset: int
    outputs: int = 1
    batch: int = 0
    name: str = ""

    def input(self, index: int) -> Any:
        """Return an input, or None where it is left out."""
        return self.inputs[index] if index < len(self.inputs) else None

    def constant(self, index: int, attr: str, default: Any = None) -> Any:
        """Return what is an attribute in old opsets and an input in new ones."""
        value = self.input(index)
        return self.attrs.get(attr, default) if value is None else value.tolist()


Translation = Callable[[GraphBuilder, Call], Any]


COMPUTED, CONSTANT, EITHER = "computed", "constant", "either"
"""Whether an input must, may not, or may depend on the network's input."""

FLOATS = ("float32",)
NUMBERS = (*FLOATS, "int32", "int64")
LOGIC = ("bool",)
ANY = (*NUMBERS, *LOGIC, "uint8", "int8", "uint16", "int16", "uint32", "uint64")
"""Types of computed inputs whose numbers a translation computes as floats."""


@dataclass(frozen=True)
class OnnxOperation:
    """What one ONNX operation becomes and which of its arguments are decided.

    Parameters
    ----------
    declared : Operation
        Its translation and a verdict for every attribute of every opset from 6 on.
    inputs : tuple of (str, str)
        Name and kind of each input; the last one repeats if its name ends in ``*``.
    outputs : int
        Most outputs that may be read; 0 is any number.
    types : tuple of str
        That computed inputs may have.
    """

    declared: Operation
    inputs: tuple[tuple[str, str], ...] = (("X", COMPUTED),)
    outputs: int = 1
    types: tuple[str, ...] = FLOATS

    def input_kind(self, index: int) -> tuple[str, str] | None:
        """Return name and kind of an input, or None where there is none."""
        if index < len(self.inputs):
            return self.inputs[index]
        last = self.inputs[-1]
        return last if last[0].endswith("*") else None


def is_computed(item: Any) -> bool:
    """Say whether a tensor depends on the network's input."""
    return isinstance(item, Value)


def schema_of(b: GraphBuilder, name: str, call: Call) -> defs.OpSchema:
    """Return what ONNX says of a node, which must agree.

    Raises
    ------
    Refused
        No such operation, an attribute that it does not have or of another type, or
        too few inputs.
    """
    try:
        schema = defs.get_schema(name, call.opset, "")
    except defs.SchemaError:
        schema = None
    if schema is None:
        raise _damaged(b, f"ONNX {name}, which opset {call.opset} does not have")
    for attr, value in call.attrs.items():
        text = _shown(name, attr, value)
        if attr not in schema.attributes:
            raise _damaged(b, text)
        if not _has_type(value, str(schema.attributes[attr].type).rpartition(".")[2]):
            raise _damaged(b, f"{text}, which is of another type")
    for attr, wanted in schema.attributes.items():
        if wanted.required and attr not in call.attrs:
            raise _damaged(b, f"ONNX {name} without the attribute {attr}")
    if not schema.min_input <= len(call.inputs) <= schema.max_input:
        raise _damaged(b, f"ONNX {name} with {len(call.inputs)} inputs")
    return schema


def check_call(
    b: GraphBuilder, operation: OnnxOperation, call: Call, schema: defs.OpSchema
) -> None:
    """Refuse, by name, what the operation's table does not decide.

    Raises
    ------
    UncoveredOp
        An attribute, input or type that is undecided or not covered.
    """
    declared, name = operation.declared, call.name
    for attr, value in call.attrs.items():
        if declared.undecided([attr]) or declared.objection({attr: value}, {}):
            raise refuse(b, _shown(name, attr, value))
    for index, value in enumerate(call.inputs):
        _check_input(b, (name, index, value), operation, schema.min_input)


def _damaged(b: GraphBuilder, what: str) -> UncoveredOp:
    return Refused(what, b.where)


def _shown(name: str, attr: str, value: Any) -> str:
    return f"ONNX {name} with the attribute {attr}={_short(value)}"


def _check_input(
    b: GraphBuilder, found: tuple[str, int, Any], operation: OnnxOperation, least: int
) -> None:
    name, index, value = found
    known = operation.input_kind(index)
    if known is None:
        raise refuse(b, f"ONNX {name} with {index + 1} inputs")
    title, kind = known
    if value is None:
        if index < least and kind == COMPUTED:
            raise refuse(b, f"ONNX {name} without the input {title}")
        return
    if kind == CONSTANT and is_computed(value):
        raise refuse(b, f"ONNX {name} whose input {title} is computed by the network")
    if kind == COMPUTED and not is_computed(value):
        raise refuse(b, f"ONNX {name} whose input {title} is a constant")
    if is_computed(value) and value.kind not in operation.types:
        raise refuse(b, f"ONNX {name} of {value.kind} numbers")


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "INT": lambda v: isinstance(v, int),
    "FLOAT": lambda v: isinstance(v, float),
    "STRING": lambda v: isinstance(v, str),
    "INTS": lambda v: isinstance(v, tuple) and all(isinstance(i, int) for i in v),
    "FLOATS": lambda v: isinstance(v, tuple) and all(isinstance(i, float) for i in v),
}


def _has_type(value: Any, kind: str) -> bool:
    if kind in ("GRAPH", "TENSOR", "SPARSE_TENSOR", "STRINGS", "TYPE_PROTO"):
        return True
    holds = _TYPES.get(kind)
    return holds is not None and holds(value)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def kinds_of(call: Call, schema: defs.OpSchema) -> list[str | None]:
    """Return the type of each output's numbers, None where only a run can tell."""
    bound: dict[str, str] = {}
    for index, value in enumerate(call.inputs):
        declared = schema.inputs[min(index, len(schema.inputs) - 1)]
        if value is not None:
            kind = value.kind if is_computed(value) else np.asarray(value).dtype.name
            bound.setdefault(declared.type_str, kind)
    found: list[str | None] = []
    for index in range(call.outputs):
        declared_out = schema.outputs[min(index, len(schema.outputs) - 1)]
        text = declared_out.type_str
        plain = text.removeprefix("tensor(").removesuffix(")")
        known = {"float": "float32", "double": "float64"}.get(plain, plain)
        found.append(bound.get(text, known if text.startswith("tensor(") else None))
    return found
