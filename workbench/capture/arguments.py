"""What every translation of every importer needs.

Belongs here: pairs and refusals; no torch, no onnx.
"""

from typing import Any

from workbench.capture.builder import GraphBuilder
from workbench.engine.graph.graph import UncoveredOp


def pair(value: Any) -> tuple[int, int]:
    """Return (y, x) from one number or two."""
    if isinstance(value, int):
        return (value, value)
    values = [int(v) for v in value]
    return (values[0], values[-1])


def refuse(builder: GraphBuilder, what: str) -> UncoveredOp:
    """Return the error for a form of an operation that is not covered."""
    return UncoveredOp(what, builder.where)
