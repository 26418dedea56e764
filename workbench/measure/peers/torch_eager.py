"""PyTorch as it is used by default: eager mode, NCHW."""

import torch

from workbench.measure.peers.protocol import Array, Peer, Runner, Subject, as_float32


class _Eager(Runner):
    def __init__(self, module: torch.nn.Module, threads: int) -> None:
        self._module = module
        torch.set_num_threads(threads)

    def __call__(self, x: Array) -> Array:
        with torch.inference_mode():
            return as_float32(self._module(torch.from_numpy(x)))


def _available() -> str | None:
    return None


def _prepare(subject: Subject, threads: int) -> Runner:
    return _Eager(subject.module, threads)


PEER = Peer("torch", "PyTorch eager, NCHW", "torch", _available, _prepare)
