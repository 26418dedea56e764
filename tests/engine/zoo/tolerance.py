"""How equal an engine's output must be to torch's, and weights that make it hard."""

from typing import Any

import numpy as np
import torch
from torch import nn

# float32 sums of a few thousand products in another order than torch's, through up
# to 121 layers, relative to the largest output.
RELATIVE_TOLERANCE = 2e-4


def random_batch_norms(module: nn.Module) -> nn.Module:
    """Give every batch norm statistics that are not the identity."""
    generator = torch.Generator().manual_seed(3)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            size = norm.num_features
            norm.running_mean = 0.1 * torch.randn(size, generator=generator)
            norm.running_var = 0.5 + torch.rand(size, generator=generator)
            with torch.no_grad():
                norm.weight.copy_(0.5 + torch.rand(size, generator=generator))
                norm.bias.copy_(0.1 * torch.randn(size, generator=generator))
    return module


def assert_same_output(module: nn.Module, program: Any, x: torch.Tensor) -> None:
    """Assert that a program's output equals the module's within the tolerance."""
    with torch.no_grad():
        expected = module(x).numpy()
    found = program(x.numpy())
    assert found.shape == expected.shape
    scale = np.abs(expected).max()
    assert scale > 1e-3, "the network's output is too small to compare"
    assert np.abs(found - expected).max() <= RELATIVE_TOLERANCE * scale
