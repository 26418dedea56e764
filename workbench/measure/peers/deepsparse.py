"""DeepSparse (discontinued in 2025) in an interpreter of its own.

Its last wheel that installs under Python 3.11 is 1.8.0 and it wants old companions,
so it lives in a virtual environment that a variable names.
"""

import os
from functools import partial
from pathlib import Path

from workbench.measure.peers.protocol import Peer, Runner, Setup, Subject
from workbench.measure.peers.remote_runner import RemoteRunner

VARIABLE = "WORKBENCH_DEEPSPARSE_PYTHON"
OPSET = 14
IR_VERSION = 8


def _available() -> str | None:
    python = os.environ.get(VARIABLE)
    if python is None:
        return (
            "no interpreter is named; make a Python 3.11 environment with "
            f"deepsparse==1.8.0 and set {VARIABLE} to its python"
        )
    if not os.access(python, os.X_OK):
        return f"{python} cannot be run; set {VARIABLE} to a python with deepsparse"
    return None


def _prepare(subject: Subject, setup: Setup) -> Runner:
    python = Path(os.environ[VARIABLE])
    model = subject.converted(f"opset-{OPSET}.onnx", partial(_older, subject.onnx_path))
    extra = {"NM_DISABLE_ANALYTICS": "1"}
    return RemoteRunner(python, "deepsparse", model, setup, extra=extra)


def _older(source: Path, target: Path) -> None:
    """Write the same network as the ONNX of its time."""
    import onnx
    from onnx.version_converter import convert_version

    model = convert_version(onnx.load(source), OPSET)
    for node in model.graph.node:
        if node.op_type == "ReduceMean":  # the converter leaves opset 18's attribute
            kept = [a for a in node.attribute if a.name != "noop_with_empty_axes"]
            del node.attribute[:]
            node.attribute.extend(kept)
    model.ir_version = IR_VERSION
    onnx.save(model, target)


PEER = Peer("deepsparse", "DeepSparse, one stream", None, _available, _prepare)
