"""PyTorch compiled by Inductor, weights frozen (batch norm folded, weights packed)."""

import os
import shlex
import shutil
from copy import deepcopy

import torch

from workbench.measure.peers.protocol import (
    Array,
    Peer,
    Runner,
    Setup,
    Subject,
    as_float32,
)
from workbench.measure.peers.quiet import talking_aside


class _Compiled(Runner):
    def __init__(self, subject: Subject, setup: Setup) -> None:
        from torch._inductor import config

        torch.set_num_threads(setup.threads)
        example = torch.zeros(setup.batch, *subject.input_shape)
        # Frozen weights are taken out of the module: it must be a copy.
        module = deepcopy(subject.module)
        # No workers that would go on compiling beside the next contender.
        with (
            talking_aside(),
            config.patch(freezing=True, compile_threads=1),
            torch.inference_mode(),
        ):
            self._call = torch.compile(module, dynamic=False)
            self._call(example)

    def __call__(self, x: Array) -> Array:
        with torch.inference_mode():
            return as_float32(self._call(torch.from_numpy(x)))

    def close(self) -> None:
        torch.compiler.reset()


def _available() -> str | None:
    command = shlex.split(os.environ.get("CXX", "g++"))[0]
    if shutil.which(command) is not None:
        return None
    return f"the C++ compiler {command} is missing; run: apt-get install g++"


PEER = Peer(
    "torch_compile",
    "PyTorch compiled by Inductor, frozen",
    "torch",
    _available,
    _Compiled,
    from_module=True,
)
