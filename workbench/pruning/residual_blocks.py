"""Residual blocks that can be left out, and networks without them.

Belongs here: finding the blocks whose removal leaves their input, and replacing them.
Does not belong here: choosing which go (``methods/layer``).

A block is found by what it does, not by its class: with every parameter inside zero,
batch norm's included, a residual block gives its input unchanged (a sum with zero, and
a ReLU of what is not negative already). Blocks with a stride or a projection, and plain
chains, do not.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from workbench.models.network import Network
from workbench.pruning.coupling.ties import shared_with


@dataclass(frozen=True)
class ResidualBlock:
    """A part of a network that can be replaced by nothing.

    Parameters
    ----------
    name : str
        Qualified module name, for example "layer1.1".
    layers : tuple of str
        Ids of the layers inside.
    parameters : tuple of str
        Names of all parameters inside.
    """

    name: str
    layers: tuple[str, ...]
    parameters: tuple[str, ...]


def residual_blocks(network: Network) -> tuple[ResidualBlock, ...]:
    """Return the innermost parts that pass their input on once they are zero.

    In the order of the network. Each candidate is tried on what reaches it when the
    network sees one seeded random image.
    """
    ids = [layer.id for layer in network.layers]
    found = []
    for name, image in _inputs(network).items():
        part = network.module.get_submodule(name)
        layers = tuple(one for one in ids if one.startswith(name + "."))
        if layers and shared_with(network, name) is None and _passes_on(part, image):
            names = tuple(f"{name}.{key}" for key, _ in part.named_parameters())
            found.append(ResidualBlock(name, layers, names))
    innermost = [
        block
        for block in found
        if not any(other.name.startswith(block.name + ".") for other in found)
    ]
    return tuple(sorted(innermost, key=lambda block: ids.index(block.layers[0])))


def without_zero_blocks(network: Network) -> Network:
    """Return the network with every residual block of zeros replaced by ``Identity``.

    The same network where there is none. Layers of the blocks are gone from ``layers``.
    """
    state = dict(network.module.named_parameters())
    gone = [
        block
        for block in residual_blocks(network)
        if not any(bool(state[name].any()) for name in block.parameters)
    ]
    if not gone:
        return network
    module = copy.deepcopy(network.module)
    for block in gone:
        parent, _, leaf = block.name.rpartition(".")
        setattr(module.get_submodule(parent), leaf, nn.Identity())
    dead = {name for block in gone for name in block.layers}
    kept = tuple(layer for layer in network.layers if layer.id not in dead)
    return replace(network, module=module, layers=kept)


def _inputs(network: Network) -> dict[str, torch.Tensor]:
    """Return the input of every part that runs once and keeps its input's shape."""
    module = copy.deepcopy(network.module).eval()
    seen: dict[str, torch.Tensor] = {}
    calls: dict[str, int] = {}

    def watch(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            calls[name] = calls.get(name, 0) + 1
            if len(inputs) == 1 and _alike(inputs[0], output):
                seen[name] = inputs[0].clone()

        return hook

    for name, part in module.named_modules():
        if name and next(part.children(), None) is not None:
            part.register_forward_hook(watch(name))
    image = torch.randn(
        1, *network.input_shape, generator=torch.Generator().manual_seed(0)
    )
    with torch.inference_mode():
        module(image)
    return {name: tensor for name, tensor in seen.items() if calls[name] == 1}


def _alike(one: Any, two: Any) -> bool:
    both = isinstance(one, torch.Tensor) and isinstance(two, torch.Tensor)
    return both and one.shape == two.shape


def _passes_on(part: nn.Module, image: torch.Tensor) -> bool:
    """Return whether the part gives its input once all its parameters are zero.

    An input of zeros proves nothing: a plain chain passes it on too.
    """
    if not bool(image.any()):
        return False
    silent = copy.deepcopy(part).eval()
    with torch.inference_mode():
        for parameter in silent.parameters():
            parameter.zero_()
        return torch.equal(silent(image), image)
