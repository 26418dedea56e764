"""DeepSparse (discontinued in 2025) in an interpreter of its own.

Its last wheel that installs under Python 3.11 is 1.8.0 and it wants old companions,
so it lives in a virtual environment that a variable names.
"""

import os
from pathlib import Path

from workbench.measure.peers.protocol import Peer, Runner, Setup, Subject
from workbench.measure.peers.remote_runner import RemoteRunner

VARIABLE = "WORKBENCH_DEEPSPARSE_PYTHON"


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
    return RemoteRunner(
        python, "deepsparse", subject, setup, extra={"NM_DISABLE_ANALYTICS": "1"}
    )


PEER = Peer("deepsparse", "DeepSparse, one stream", None, _available, _prepare)
