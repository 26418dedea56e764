"""LiteRT (once TensorFlow Lite) with XNNPACK, converted from the torch module."""

from functools import partial
from pathlib import Path

import torch

from workbench.measure.conditions import installed_versions
from workbench.measure.peers.protocol import (
    Array,
    Peer,
    Runner,
    Setup,
    Subject,
    as_float32,
    needs,
)
from workbench.measure.peers.quiet import talking_aside


class _Interpreter(Runner):
    def __init__(self, subject: Subject, setup: Setup) -> None:
        version = installed_versions(["litert-torch"]).get("litert-torch", "unknown")
        name = f"litert-{version}-{setup.batch}.tflite"
        path = subject.converted(name, partial(_convert, subject, setup.batch))
        with talking_aside():
            from ai_edge_litert.interpreter import Interpreter

            self._net = Interpreter(str(path), num_threads=setup.threads)
            self._net.allocate_tensors()
        self._input = self._net.get_input_details()[0]["index"]
        self._output = self._net.get_output_details()[0]["index"]

    def __call__(self, x: Array) -> Array:
        self._net.set_tensor(self._input, x)
        self._net.invoke()
        return as_float32(self._net.get_tensor(self._output))


def _convert(subject: Subject, batch: int, path: Path) -> None:
    with talking_aside():
        import litert_torch

        example = torch.zeros(batch, *subject.input_shape)
        litert_torch.convert(subject.module, (example,)).export(str(path))


def _available() -> str | None:
    install = "pip install ai-edge-litert litert-torch"
    return needs("ai_edge_litert", install=install) or needs(
        "litert_torch", install=install
    )


PEER = Peer(
    "litert",
    "LiteRT, XNNPACK",
    "ai-edge-litert",
    _available,
    _Interpreter,
    from_module=True,
)
