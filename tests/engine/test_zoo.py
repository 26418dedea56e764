"""Architectures that the product does not ship run whole, dense and pruned."""

import numpy as np
import pytest
import torch
from torch import nn

import workbench as wb
from tests.engine.zoo import ARCHITECTURES, Architecture
from tests.engine.zoo.tolerance import assert_same_output, random_batch_norms

SPARSITY = 0.8


def pruned_by_magnitude(module: nn.Module) -> nn.Module:
    """Zero the smallest weights of every convolution but the first."""
    convs = [m for m in module.modules() if isinstance(m, nn.Conv2d)]
    with torch.no_grad():
        for conv in convs[1:]:
            threshold = conv.weight.abs().flatten().quantile(SPARSITY)
            conv.weight.mul_(conv.weight.abs() > threshold)
    return module


@pytest.mark.parametrize("pruned", [False, True], ids=["dense", "pruned"])
@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=lambda a: a.name)
def test_architecture_equals_torch(architecture: Architecture, pruned: bool) -> None:
    module = random_batch_norms(architecture.build())
    if pruned:
        module = pruned_by_magnitude(module)
    x = torch.rand(1, *architecture.input_shape, generator=torch.manual_seed(1))
    program = wb.compile(module, example=x, tune="model", check=False)
    assert_same_output(module, program, x)


def test_batch_of_three_on_two_threads() -> None:
    architecture = next(a for a in ARCHITECTURES if a.name == "shufflenetv2")
    module = random_batch_norms(architecture.build())
    x = torch.rand(3, *architecture.input_shape, generator=torch.manual_seed(2))
    program = wb.compile(module, example=x, threads=2, tune="model", check=False)
    assert_same_output(module, program, x)
    np.testing.assert_array_equal(program(x.numpy()), program(x.numpy()))
