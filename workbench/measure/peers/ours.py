"""The bundled engine, through the same door as every other one."""

import torch

from workbench.kernels import info
from workbench.measure.peers.protocol import (
    FunctionRunner,
    Peer,
    Runner,
    Setup,
    Subject,
)


def _available() -> str | None:
    kernels = info()
    return None if kernels.native else kernels.reason


def prepare(subject: Subject, setup: Setup, *, generated: bool = True) -> Runner:
    """Return the compiled program."""
    from workbench.capture.compile import compile as compile_network

    # An ONNX file may leave height and width free.
    example = None if subject.has_module else torch.zeros(1, *subject.input_shape)
    program = compile_network(
        subject.source,
        threads=setup.threads,
        example=example,
        budget=setup.tune_s,
        generated=generated,
        check=False,
    )
    return FunctionRunner(program)


PEER = Peer("workbench", "Workbench engine", None, _available, prepare)
