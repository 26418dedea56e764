"""An engine in another interpreter, reached by pipes.

Belongs here: the near side. The far side is remote/loop.py; it takes its own time,
so what a pipe costs is in no sample.
"""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from workbench.errors import WorkbenchError
from workbench.measure.peers.protocol import Array, Runner, Setup

_LOOP = Path(__file__).with_name("remote") / "loop.py"
_PATIENCE_S = 10.0


class RemoteRunner(Runner):
    """Return a runner whose engine lives in another process.

    Parameters
    ----------
    python : Path
        Interpreter that has the engine.
    engine : str
        Name of a file in remote/.
    model : Path
        ONNX file with the network.
    setup : Setup
        Threads and batch.
    extra : mapping of str to str
        Environment variables to add.

    Raises
    ------
    WorkbenchError
        When the engine does not start; its own words are in the message.
    """

    settle_s = 0.0

    def __init__(
        self,
        python: Path,
        engine: str,
        model: Path,
        setup: Setup,
        *,
        extra: Mapping[str, str],
    ) -> None:
        self._engine, self._python = engine, python
        # Isolated (-I): this folder's files bear the names of real packages.
        arguments = (engine, model, setup.threads, setup.batch)
        self._process = subprocess.Popen(
            [str(python), "-I", str(_LOOP), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **extra},
        )
        try:
            self.version = str(self._receive()["version"])
        except WorkbenchError:
            self.close()
            raise

    def __call__(self, x: Array) -> Array:
        """Return the output for one batch."""
        self._send({"do": "run", "shape": x.shape}, x.tobytes())
        answer = self._receive()
        data = self._pipe_out.read(answer["bytes"])
        return np.frombuffer(data, np.float32).reshape(answer["shape"])

    def sample_ns(self, x: Array, inner: int) -> int:
        """Return what the far side measured for `inner` calls."""
        self._send({"do": "sample", "shape": x.shape, "inner": inner}, x.tobytes())
        return int(self._receive()["ns"])

    def close(self) -> None:
        """End the other process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._pipe_out.close()

    @property
    def _pipe_out(self) -> Any:
        return self._process.stdout

    def _send(self, header: Mapping[str, Any], data: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(header).encode() + b"\n" + data)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._gone("it ended") from None

    def _receive(self) -> dict[str, Any]:
        line = self._pipe_out.readline()
        if not line:
            raise self._gone("it ended without a word")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise self._gone(answer["error"])
        return answer

    def _gone(self, why: str) -> WorkbenchError:
        return WorkbenchError(
            found=f"{self._engine} in {self._python}: {why}",
            expected="an engine that loads and runs the network",
            next_step="Check that interpreter by hand, or leave the engine out.",
        )
