"""One ONNX node as nodes of the graph: by the table, or run by ONNX's evaluator.

Belongs here: which of the two, and the types of what is made. Does not belong here:
walking the file (`onnx_import`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import onnx

from workbench.capture.arguments import Refused, refuse
from workbench.capture.builder import GraphBuilder
from workbench.capture.from_onnx.call import (
    Call,
    OnnxOperation,
    check_call,
    is_computed,
    kinds_of,
    schema_of,
)
from workbench.capture.from_onnx.constants import DOMAINS
from workbench.capture.from_onnx.foreign import NotRun, foreign
from workbench.capture.from_onnx.table import OPERATIONS
from workbench.engine.graph.graph import UncoveredOp
from workbench.errors import WorkbenchError


def translated(
    b: GraphBuilder,
    node: onnx.NodeProto,
    call: Call,
    read: Callable[[str], bool],
    captured: Mapping[str, Any],
    imports: Sequence[onnx.OperatorSetIdProto],
) -> list[Any]:
    """Return what each output of a node becomes.

    Parameters
    ----------
    b : GraphBuilder
    node : onnx.NodeProto
    call : Call
        The same with its inputs resolved.
    read : callable
        Says whether anything needs a tensor of that name.
    captured : mapping of str to value
        What graphs inside of the node read from outside.
    imports : sequence of onnx.OperatorSetIdProto

    Raises
    ------
    UncoveredOp
        Neither of the two can compute it; the reason is that of the translation.
    """
    reason: WorkbenchError | None = None
    schema = None
    if node.domain in DOMAINS:
        schema = schema_of(b, node.op_type, call)
        known = OPERATIONS.get(node.op_type)
        if known is not None:
            try:
                return _by_table(b, node, call, read, known, schema)
            except Refused:
                raise
            except UncoveredOp as error:
                # What the graph itself refuses, sizes above all, stays refused.
                reason = error
    if reason is None:
        reason = refuse(b, f"ONNX {node.op_type}{_of(node)}")
    try:
        return foreign(b, node, call, captured, imports)
    except NotRun as error:
        raise reason from error


def _of(node: onnx.NodeProto) -> str:
    return "" if node.domain in DOMAINS else f" of {node.domain}"


def _by_table(
    b: GraphBuilder,
    node: onnx.NodeProto,
    call: Call,
    read: Callable[[str], bool],
    known: OnnxOperation,
    schema: Any,
) -> list[Any]:
    check_call(b, known, call, schema)
    most = known.outputs or call.outputs
    if node.op_type == "BatchNormalization" and call.outputs > 1:
        raise Refused(f"ONNX {node.op_type} with {call.outputs} outputs", b.where)
    if any(read(name) for name in node.output[most:] if name):
        if node.op_type == "MaxPool" and call.batch != 1:
            what = "ONNX MaxPool with indices, which count over all images of a batch"
            raise Refused(what, b.where)
        raise UncoveredOp(f"ONNX {node.op_type} with {call.outputs} outputs", b.where)
    made = known.declared.translate(b, call)
    results = list(made) if isinstance(made, list | tuple) else [made]
    kinds = kinds_of(call, schema)
    return [
        replace(one, kind=kind) if is_computed(one) and kind else one
        for one, kind in zip(results, kinds, strict=False)
    ]
