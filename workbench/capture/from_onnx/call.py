"""One ONNX node as a translation sees it, and what its operation declares.

Belongs here: the inputs that a declared table adds to `operations`, and the check of a
node against both. Does not belong here: the table itself (`onnx_table`), translations.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from onnx import defs

from workbench.capture.arguments import refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.operations import Operation


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
    """

    inputs: tuple[Any, ...]
    attrs: Mapping[str, Any]
    opset: int
    outputs: int = 1
    batch: int = 0

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
    """

    declared: Operation
    inputs: tuple[tuple[str, str], ...] = (("X", COMPUTED),)
    outputs: int = 1

    def input_kind(self, index: int) -> tuple[str, str] | None:
        """Return name and kind of an input, or None where there is none."""
        if index < len(self.inputs):
            return self.inputs[index]
        last = self.inputs[-1]
        return last if last[0].endswith("*") else None


def is_computed(item: Any) -> bool:
    """Say whether a tensor depends on the network's input."""
    return isinstance(item, Value)


def check_call(
    b: GraphBuilder, name: str, operation: OnnxOperation, call: Call
) -> None:
    """Refuse, by name, what the operation's table does not decide.

    Raises
    ------
    UncoveredOp
        An attribute or input that is unknown, undecided, missing, of another type or
        of a value that is not covered.
    """
    schema = _schema(name, call.opset)
    if schema is None:
        raise refuse(b, f"ONNX {name}, which opset {call.opset} does not have")
    for attr, value in call.attrs.items():
        _check_attr(b, (name, attr, value), operation.declared, schema)
    for attr, wanted in schema.attributes.items():
        if wanted.required and attr not in call.attrs:
            raise refuse(b, f"ONNX {name} without the attribute {attr}")
    if len(call.inputs) < schema.min_input:
        raise refuse(b, f"ONNX {name} with {len(call.inputs)} inputs")
    for index, value in enumerate(call.inputs):
        _check_input(b, (name, index, value), operation, schema.min_input)


def _schema(name: str, opset: int) -> defs.OpSchema | None:
    try:
        schema = defs.get_schema(name, opset, "")
    except defs.SchemaError:
        return None
    return None if schema.deprecated else schema


def _check_attr(
    b: GraphBuilder,
    found: tuple[str, str, Any],
    declared: Operation,
    schema: defs.OpSchema,
) -> None:
    name, attr, value = found
    text = f"ONNX {name} with the attribute {attr}={_short(value)}"
    if attr not in schema.attributes or declared.undecided([attr]):
        raise refuse(b, text)
    if not _has_type(value, str(schema.attributes[attr].type).rpartition(".")[2]):
        raise refuse(b, f"{text}, which is of another type")
    if declared.objection({attr: value}, {}) is not None:
        raise refuse(b, text)


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


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "INT": lambda v: isinstance(v, int),
    "FLOAT": lambda v: isinstance(v, float),
    "STRING": lambda v: isinstance(v, str),
    "INTS": lambda v: isinstance(v, tuple) and all(isinstance(i, int) for i in v),
    "FLOATS": lambda v: isinstance(v, tuple) and all(isinstance(i, float) for i in v),
}


def _has_type(value: Any, kind: str) -> bool:
    holds = _TYPES.get(kind)
    return holds is not None and holds(value)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."
