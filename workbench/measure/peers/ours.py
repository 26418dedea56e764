"""The bundled engine, through the same door as every other one."""

from importlib.util import find_spec

from workbench.measure.peers.protocol import FunctionRunner, Peer, Runner, Subject


def _available() -> str | None:
    if find_spec("workbench.kernels._native") is not None:
        return None
    return "the kernels are not built; run: pip install -e ."


def _prepare(subject: Subject, threads: int) -> Runner:
    from workbench.capture.compile import compile as compile_network

    return FunctionRunner(compile_network(subject.owner, threads=threads))


PEER = Peer("workbench", "Workbench engine", None, _available, _prepare)
