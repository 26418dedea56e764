"""What every translation of every importer needs.

Belongs here: pairs and refusals; no torch, no onnx.
"""

from typing import Any

from workbench.capture.builder import GraphBuilder
from workbench.engine.graph.graph import UncoveredOp
from workbench.errors import WorkbenchError


def pair(value: Any) -> tuple[int, int]:
    """Return (y, x) from one number or two."""
    if isinstance(value, int):
        return (value, value)
    values = [int(v) for v in value]
    return (values[0], values[-1])


class Refused(UncoveredOp):
    """An operation that no program can have, whoever runs it.

    Parameters
    ----------
    op, where : str
        Operation and layer.
    advice : str
        What to do, where that is not to replace the layer.
    """

    def __init__(self, op: str, where: str, *, advice: str = "") -> None:
        super().__init__(op, where)
        if advice:
            WorkbenchError.__init__(self, self.found, self.expected, advice)


def refuse(builder: GraphBuilder, what: str) -> UncoveredOp:
    """Return the error for a form of an operation that is not covered."""
    return UncoveredOp(what, builder.where)
