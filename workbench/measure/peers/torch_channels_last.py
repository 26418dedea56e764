"""PyTorch eager with weights and input in NHWC memory order."""

from copy import deepcopy

import torch

from workbench.measure.peers.protocol import Array, Peer, Runner, Subject, as_float32


class _ChannelsLast(Runner):
    def __init__(self, module: torch.nn.Module, threads: int) -> None:
        copied = deepcopy(module)
        self._module = copied.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        torch.set_num_threads(threads)

    def __call__(self, x: Array) -> Array:
        with torch.inference_mode():
            image = torch.from_numpy(x).contiguous(memory_format=torch.channels_last)
            return as_float32(self._module(image))


def _available() -> str | None:
    return None


def _prepare(subject: Subject, threads: int) -> Runner:
    return _ChannelsLast(subject.module, threads)


PEER = Peer(
    "torch_channels_last",
    "PyTorch eager, channels last",
    "torch",
    _available,
    _prepare,
)
