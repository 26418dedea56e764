"""Every sample model under every method gives what torch gives when masked."""

import os
from functools import cache

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.models.network import Network
from workbench.pruning.methods import METHODS

SMALL = ("minivgg-mnist5k", "lenet5-mnist5k", "resnet20-cifar10", "vgg16-cifar10")
LARGE = ("mobilenetv1-224", "resnet50-224", "vgg16-224")
FIRST_METHODS = ("none", "magnitude", "filter", "kernel", "pattern", "pconv")
if not os.environ.get("CI"):
    FIRST_METHODS = ("magnitude", "filter")
SPARSITY = 0.7
SEED = 3

TOLERANCE = 1e-4
"""Of the largest result: fifty layers of float32 sums with up to 25,088 terms."""

CASES = [(name, method) for name in SMALL for method in METHODS]
CASES += [(name, method) for name in LARGE for method in FIRST_METHODS]


@cache
def network(name: str) -> Network:
    return wb.load_model(name)


@pytest.mark.parametrize(("name", "method"), CASES)
def test_program_equals_masked_module(name: str, method: str) -> None:
    net = network(name)
    share = 0.0 if method == "none" else SPARSITY
    pruned = wb.prune(net, wb.Recipe.uniform(method, share))
    program = wb.compile(pruned, tune="model", check=False)
    images = torch.rand(1, *net.input_shape, generator=torch.manual_seed(SEED))
    with torch.no_grad():
        expected = pruned.module(images).numpy()
    difference = np.abs(program(images) - expected).max()
    assert difference <= TOLERANCE * np.abs(expected).max(), f"rerun: {name} {method}"
    for step in program.steps:
        if step.candidate in ("sparse", "generated"):
            assert step.executed_macs == step.theoretical_macs
