"""PyTorch eager with weights and input in NHWC memory order."""

from copy import deepcopy

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


class _ChannelsLast(Runner):
    def __init__(self, subject: Subject, setup: Setup) -> None:
        self._module = deepcopy(subject.module)
        for parameter in self._module.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(
                    memory_format=torch.channels_last
                )
        torch.set_num_threads(setup.threads)

    def __call__(self, x: Array) -> Array:
        with torch.inference_mode():
            image = torch.from_numpy(x).contiguous(memory_format=torch.channels_last)
            return as_float32(self._module(image))


PEER = Peer(
    "torch_channels_last",
    "PyTorch eager, channels last",
    "torch",
    no_need,
    _ChannelsLast,
    from_module=True,
)
