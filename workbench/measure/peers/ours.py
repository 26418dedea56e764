"""The bundled engine, through the same door as every other one."""

from workbench.kernels import info
from workbench.measure.peers.protocol import (
    FunctionRunner,
    Peer,
    Runner,
    Setup,
    Subject,
)


def _available() -> str | None:
    if info().native:
        return None
    return "the compiled kernels are missing; run: pip install -e ."


def _prepare(subject: Subject, setup: Setup) -> Runner:
    from workbench.capture.compile import compile as compile_network

    return FunctionRunner(compile_network(subject.owner, threads=setup.threads))


PEER = Peer("workbench", "Workbench engine", None, _available, _prepare)
