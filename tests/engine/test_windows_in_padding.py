"""Maps of a pixel or two, whose windows meet few of them or none at all.

A window that lies wholly in the padding gives the bias.
"""

import numpy as np
import pytest
import torch
from torch import nn

import workbench as wb
from workbench.capture.compile import compile
from workbench.kernels import forced_isa, info


class Residual(nn.Module):
    """A sum of two convolutions that see nothing but padding."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(4, 4, 1, 3, 1)
        self.b = nn.Conv2d(4, 4, 1, 3, 1, groups=4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.a(x) + self.b(x))


NETS = {
    "1x1": (nn.Conv2d(4, 5, 1, 3, 1), (4, 1, 1)),
    "one tap on the pixel": (nn.Conv2d(4, 5, 3, 5, 1), (4, 1, 1)),
    "between taps": (nn.Conv2d(4, 5, 2, 9, 2, dilation=4), (4, 1, 1)),
    "beyond the taps": (nn.Conv2d(4, 5, (1, 3), 9, (0, 4)), (4, 1, 1)),
    "two pixels": (nn.Conv2d(4, 5, 1, 5, 2), (4, 1, 2)),
    "some windows": (nn.Conv2d(4, 5, 2, 4, 3), (4, 2, 3)),
    "grouped": (nn.Conv2d(4, 6, 1, 3, 1, groups=2), (4, 1, 1)),
    "depthwise": (nn.Conv2d(4, 4, 1, 3, 1, groups=4), (4, 1, 1)),
    "depthwise 3x3": (nn.Conv2d(4, 4, 3, 9, 4, groups=4), (4, 1, 1)),
    "residual": (Residual(), (4, 1, 1)),
    "normalised": (
        nn.Sequential(nn.Conv2d(4, 5, 1, 3, 1), nn.BatchNorm2d(5), nn.ReLU()),
        (4, 1, 1),
    ),
    "then linear": (
        nn.Sequential(nn.Conv2d(4, 5, 1, 3, 1), nn.Flatten(), nn.Linear(5, 3)),
        (4, 1, 1),
    ),
    "max pool": (nn.MaxPool2d(2, 3, 1), (4, 1, 1)),
    "average pool": (nn.AvgPool2d(3, 4, 1), (4, 1, 1)),
    "average of pixels": (nn.AvgPool2d(2, 3, 1, count_include_pad=False), (4, 1, 2)),
    "ceil pool": (nn.AvgPool2d(2, 3, 1, ceil_mode=True), (4, 3, 2)),
}


@pytest.mark.parametrize("isa", info().available)
@pytest.mark.parametrize("name", NETS)
def test_equals_torch(name: str, isa: str) -> None:
    torch.manual_seed(3)
    module, shape = NETS[name]
    module.eval()
    x = torch.randn(2, *shape)
    with torch.no_grad():
        wanted = module(x).numpy()
    with forced_isa(isa):
        program = compile(module, example=x, tune="model")
        found = program(x.numpy())
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_the_bias_alone_comes_out() -> None:
    module = nn.Conv2d(2, 3, 1, 3, 1).eval()
    with torch.no_grad():
        module.bias.copy_(torch.tensor([1.0, -2.0, 3.0]))
    network = wb.from_module(module, input_shape=(2, 1, 1))
    found = wb.compile(network, tune="model")(np.full((1, 2, 1, 1), 7, np.float32))
    assert found.reshape(-1).tolist() == [1.0, -2.0, 3.0]
