"""Initial weights: seeded ones for networks that are here for their speed, and He's.

Belongs here: initial weights that keep activations of order one through any depth.
Does not belong here: any architecture.
"""

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn


def build_seeded(
    make: Callable[[int], nn.Module], num_classes: int, seed: int
) -> nn.Module:
    """Return ``make(num_classes)`` with seeded weights.

    The module is first made without memory: torch's own random weights would cost
    seconds and be thrown away.
    """
    with torch.device("meta"):
        net = make(num_classes)
    net = net.to_empty(device="cpu")
    seed_weights(net, seed)
    return net


def seed_weights(module: nn.Module, seed: int) -> None:
    """Fill a module in place with He-uniform weights and random batch statistics.

    A convolution after a unit-variance norm and a ReLU then has unit variance again,
    which is what the norms' statistics claim.

    Parameters
    ----------
    module : nn.Module
        Convolutions, linear layers and batch norms are filled, in order.
    seed : int
        Of the one random stream.

    Source
    ------
    He et al., "Delving Deep into Rectifiers", 2015, equation 10, for the variance.
    """
    random = Generator().manual_seed(seed)
    with torch.no_grad():
        for child in module.modules():
            if isinstance(child, nn.Conv2d | nn.Linear):
                fan_in = child.weight[0].numel()
                _fill(child.weight, math.sqrt(6 / fan_in), 0.0, random)
                if child.bias is not None:
                    _fill(child.bias, 0.05, 0.0, random)
            elif isinstance(child, nn.BatchNorm2d):
                _fill(child.weight, 0.2, 1.0, random)
                _fill(child.bias, 0.1, 0.0, random)
                _fill(child.running_mean, 0.1, 0.0, random)
                _fill(child.running_var, 0.2, 1.0, random)
                if child.num_batches_tracked is not None:
                    child.num_batches_tracked.zero_()


def with_he_weights(module: nn.Module) -> nn.Module:
    """Return a module whose convolutions got He's normal weights, drawn by torch.

    Source
    ------
    He et al., "Delving Deep into Rectifiers", 2015, section 2.2 (fan out).
    """
    for child in module.modules():
        if isinstance(child, nn.Conv2d):
            nn.init.kaiming_normal_(child.weight, mode="fan_out", nonlinearity="relu")
    return module


def _fill(
    tensor: Tensor | None, reach: float, centre: float, random: Generator
) -> None:
    """Fill with centre +- reach, uniformly; only exactly rounded operations."""
    if tensor is not None:
        tensor.uniform_(0, 1, generator=random).mul_(2).sub_(1)
        tensor.mul_(reach).add_(centre)
