"""MNN, converted from the same ONNX file, in fp32."""

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from workbench.errors import WorkbenchError
from workbench.measure.conditions import installed_versions
from workbench.measure.peers.protocol import (
    Array,
    Peer,
    Runner,
    Setup,
    Subject,
    needs,
)
from workbench.measure.peers.quiet import talking_aside

# Its console command installs a telemetry package first; the converter itself does not.
_CONVERT = (
    "import sys, _tools; sys.exit(not _tools.mnnconvert(['MNNConvert', *sys.argv[1:]]))"
)


class Session(Runner):
    """Return MNN with one network loaded.

    Parameters
    ----------
    subject : Subject
    setup : Setup
    sparse : bool
        Convert with the search for layers that run faster without their zeros.
    """

    def __init__(self, subject: Subject, setup: Setup, *, sparse: bool) -> None:
        version = installed_versions(["mnn"]).get("mnn", "unknown")
        options = ("--detectSparseSpeedUp",) if sparse else ()
        name = f"mnn-{version}{'-sparse' if sparse else ''}.mnn"
        path = subject.converted(name, partial(_convert, subject.onnx_path, options))
        with talking_aside():
            import MNN

            self._mnn = MNN
            self._net = MNN.Interpreter(str(path))
            self._session = self._net.createSession(
                {"backend": "CPU", "precision": "high", "numThread": setup.threads}
            )
            self._input = self._net.getSessionInput(self._session)
            shape = (setup.batch, *subject.input_shape)
            self._net.resizeTensor(self._input, shape)
            self._net.resizeSession(self._session)

    def __call__(self, x: Array) -> Array:
        """Return the output for one batch."""
        self._input.copyFrom(self._host(x))
        self._net.runSession(self._session)
        found = self._net.getSessionOutput(self._session)
        host = self._host(np.empty(found.getShape(), np.float32))
        found.copyToHostTensor(host)
        return np.array(host.getNumpyData(), np.float32).reshape(found.getShape())

    def _host(self, values: Array) -> Any:
        """Return a tensor of MNN's with these values, NCHW."""
        mnn = self._mnn
        return mnn.Tensor(
            values.shape,
            mnn.Halide_Type_Float,
            values,
            mnn.Tensor_DimensionType_Caffe,
        )


def _convert(source: Path, options: tuple[str, ...], target: Path) -> None:
    arguments = ["-f", "ONNX", "--modelFile", source, "--MNNModel", target, *options]
    done = subprocess.run(
        [sys.executable, "-c", _CONVERT, *map(str, arguments), "--bizCode", "none"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not target.is_file():
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise WorkbenchError(
            found=f"MNN does not convert the network ({' '.join(last)})",
            expected="operations that MNN has",
            next_step="Leave MNN out for this network.",
        )


def available() -> str | None:
    """Return None when MNN can run here, else what to install."""
    return needs("MNN", install="pip install mnn")


PEER = Peer("mnn", "MNN, fp32", "mnn", available, partial(Session, sparse=False))
