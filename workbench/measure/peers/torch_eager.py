"""PyTorch as it is used by default: eager mode, NCHW."""

import torch

from workbench.measure.peers.protocol import (
    Array,
    Peer,
    Runner,
    Setup,
    Subject,
    as_float32,
    no_need,
)


class _Eager(Runner):
    def __init__(self, subject: Subject, setup: Setup) -> None:
        self._module = subject.module
        torch.set_num_threads(setup.threads)

    def __call__(self, x: Array) -> Array:
        with torch.inference_mode():
            return as_float32(self._module(torch.from_numpy(x)))


PEER = Peer("torch", "PyTorch eager, NCHW", "torch", no_need, _Eager, from_module=True)
