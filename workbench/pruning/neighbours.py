"""Which batch norm reads a layer's output directly.

Belongs here: finding out by running the network once. Does not belong here: channels
that are coupled over sums and concatenations (``groups``).
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from workbench.models.network import Network


def norms_after(network: Network) -> dict[str, str]:
    """Return layer id to the name of the batch norm that reads its output.

    Layers whose output goes elsewhere first (an activation, a sum, a concatenation)
    are absent. The network is run once on zeros, on a copy.

    Examples
    --------
    >>> from workbench.models.inspect import from_module
    >>> parts = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 2, 1)
    >>> norms_after(from_module(nn.Sequential(*parts), input_shape=(1, 4, 4)))
    {'0': '1'}
    """
    module = copy.deepcopy(network.module).eval()
    layers = {layer.id for layer in network.layers}
    made: list[tuple[torch.Tensor, str]] = []
    found: dict[str, str] = {}

    def made_by(name: str) -> Any:
        return lambda _module, _inputs, output: made.append((output, name))

    def read_by(name: str) -> Any:
        def hook(_module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            for tensor, layer_id in made:
                if tensor is inputs[0]:
                    found[layer_id] = name

        return hook

    for name, part in module.named_modules():
        if name in layers:
            part.register_forward_hook(made_by(name))
        elif isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.register_forward_pre_hook(read_by(name))
    with torch.inference_mode():
        module(torch.zeros(1, *network.input_shape))
    return found


def norm_scales(network: Network) -> dict[str, torch.Tensor]:
    """Return layer id to gamma (O,), detached, of the batch norm that reads it.

    Batch norms without a scale of their own are left out.
    """
    scales = {}
    for layer_id, name in norms_after(network).items():
        gamma = getattr(network.module.get_submodule(name), "weight", None)
        if isinstance(gamma, torch.Tensor):
            scales[layer_id] = gamma.detach()
    return scales
