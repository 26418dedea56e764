"""Before each commit: a small pruned network runs in the engine as it does in torch."""

import numpy as np
import pytest
import torch
from torch import nn

import workbench as wb
from workbench.models.inspect import from_module

pytestmark = pytest.mark.smoke

# float32 sums of up to 144 products in another order.
RELATIVE = 1e-5


def network() -> nn.Module:
    torch.manual_seed(3)
    module = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, stride=2, padding=1, groups=16),
        nn.ReLU6(),
        nn.Conv2d(16, 32, 1),
        nn.Hardswish(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 16, 3, padding=2, dilation=2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 10),
    ).eval()
    module[1].running_mean.uniform_(-1, 1)
    module[1].running_var.uniform_(0.5, 2)
    return module


@pytest.mark.parametrize(
    ("method", "zeros"), [("none", 0), ("magnitude", 0.75), ("filter", 0.5)]
)
def test_engine_equals_torch(method: str, zeros: float) -> None:
    net = from_module(network(), input_shape=(3, 19, 17), name="smoke")
    recipe = wb.Recipe.uniform(method, zeros) if zeros else wb.Recipe()
    pruned = wb.prune(net, recipe)
    x = torch.randn(2, 3, 19, 17, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        right = pruned.module(x).numpy()
    program = wb.compile(pruned, tune="model")
    worst = float(np.abs(program(x.numpy()) - right).max())
    assert worst <= RELATIVE * float(np.abs(right).max())
    layer = next(row for row in pruned.report.layers if row.id == "5")
    assert layer.sparsity == zeros
