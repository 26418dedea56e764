"""Small modules with odd arguments: the program gives torch's numbers.

`compile` itself compares two images; here a batch of three is compared more closely.
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import workbench as wb

TOLERANCE = 2e-5
"""Of the largest result: sums of at most 600 terms in another order."""


class Act(nn.Module):
    def __init__(self, act: Callable[[Tensor, Tensor], Tensor], outputs: int) -> None:
        super().__init__()
        self.conv, self.act = nn.Conv2d(3, outputs, 3), act

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.conv(x), x)


def after_conv(*layers: nn.Module, outputs: int = 6) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, outputs, 3), *layers)


def gate(y: Tensor, x: Tensor) -> Tensor:
    return torch.sigmoid(F.adaptive_avg_pool2d(y, 1)) * y


def vector_gate(y: Tensor, x: Tensor) -> Tensor:
    return y * y.mean((2, 3)).view(-1, 6, 1, 1)


def own_shuffle(y: Tensor, x: Tensor) -> Tensor:
    return y.view(y.shape[0], 2, 3, 9, 11).transpose(1, 2).flatten(1, 2)


MODULES: dict[str, Callable[[], nn.Module]] = {
    "average, ceil, zeros counted": lambda: after_conv(
        nn.AvgPool2d((3, 2), (2, 3), (1, 1), ceil_mode=True)
    ),
    "average, ceil, not counted": lambda: after_conv(
        nn.AvgPool2d((3, 2), (2, 3), (1, 0), ceil_mode=True, count_include_pad=False)
    ),
    "average over padding": lambda: after_conv(nn.AvgPool2d((9, 11), padding=(2, 3))),
    "maximum, ceil, padding": lambda: after_conv(nn.MaxPool2d(3, 2, 1, ceil_mode=True)),
    "maximum, stride above kernel": lambda: after_conv(nn.MaxPool2d(2, 3)),
    "maximum with indices": lambda: Act(
        lambda y, x: F.max_pool2d(y, 2, return_indices=True)[0], 5
    ),
    "same, even kernel": lambda: nn.Conv2d(
        3, 5, (4, 2), padding="same", dilation=(1, 3)
    ),
    "stride above kernel": lambda: nn.Conv2d(3, 6, 1, stride=(3, 2), padding=(1, 2)),
    "grouped, dilated": lambda: after_conv(
        nn.Conv2d(6, 12, 3, groups=6, padding=(0, 1), dilation=(2, 1))
    ),
    "empty border": lambda: nn.Sequential(nn.Conv2d(3, 4, 1, padding=2), nn.ReLU()),
    "narrow hardtanh": lambda: after_conv(nn.Hardtanh(0.1, 0.2, inplace=True)),
    "open hardtanh": lambda: after_conv(nn.Hardtanh(0.0, float("inf"))),
    "in place": lambda: after_conv(
        nn.SiLU(inplace=True), nn.Hardswish(inplace=True), nn.Hardsigmoid(inplace=True)
    ),
    "batch norm, large eps": lambda: after_conv(
        nn.BatchNorm2d(6, affine=False, eps=0.5, momentum=None)
    ),
    "batch norm of a vector": lambda: nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 6), nn.BatchNorm1d(6)
    ),
    "batch norm first": lambda: nn.Sequential(nn.BatchNorm2d(3), after_conv()),
    "upsample by two factors": lambda: after_conv(nn.Upsample(scale_factor=(2, 3))),
    "upsample to a size": lambda: after_conv(nn.Upsample(size=(18, 22))),
    "upsample, factor recomputed": lambda: Act(
        lambda y, x: F.interpolate(y, scale_factor=2.05, recompute_scale_factor=True), 4
    ),
    "adaptive, one axis": lambda: after_conv(nn.AdaptiveAvgPool2d((None, 2))),
    "adaptive, larger": lambda: after_conv(nn.AdaptiveAvgPool2d((15, 20))),
    "shuffle": lambda: after_conv(nn.ChannelShuffle(3), nn.Conv2d(6, 4, 1)),
    "own shuffle": lambda: Act(own_shuffle, 6),
    "flatten, negative axes": lambda: after_conv(
        nn.Flatten(-3, -1), nn.Linear(6 * 9 * 11, 2)
    ),
    "mean, negative axes": lambda: Act(lambda y, x: y.mean((-2, -1), True), 4),
    "twice the same": lambda: Act(lambda y, x: y + y, 4),
    "square": lambda: Act(lambda y, x: y * y, 4),
    "gate first": lambda: Act(gate, 6),
    "gate of a vector": lambda: Act(vector_gate, 6),
    "vectors joined": lambda: Act(
        lambda y, x: torch.cat([y.mean((2, 3)), F.relu(y.mean((2, 3)))], -1), 4
    ),
    "joined twice": lambda: Act(lambda y, x: torch.cat([y, y], -3), 4),
    "uneven chunks": lambda: Act(lambda y, x: torch.cat(y.chunk(3, 1)[::-1], 1), 7),
    "more chunks than channels": lambda: Act(
        lambda y, x: torch.cat(y.chunk(5, 1)[::-1], 1), 4
    ),
    "slice from the end": lambda: Act(lambda y, x: y[:, -3:-1], 7),
    "slice past the end": lambda: Act(lambda y, x: y[:, 5:99], 7),
    "upper bound only": lambda: Act(lambda y, x: y.clamp(max=0.2), 4),
    "lower bound in place": lambda: Act(lambda y, x: y.clamp_min_(0.2), 4),
    "times nothing": lambda: Act(lambda y, x: y * 0, 4),
    "times true": lambda: Act(lambda y, x: y * True, 4),
    "weight norm": lambda: nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3)),
    "spectral norm": lambda: nn.utils.parametrizations.spectral_norm(
        nn.Conv2d(3, 4, 3)
    ),
    "channels last": lambda: after_conv(nn.Conv2d(6, 4, 3)).to(
        memory_format=torch.channels_last
    ),
}


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_torchs_numbers(name: str) -> None:
    torch.manual_seed(len(name))
    module = MODULES[name]().eval()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.running_mean.uniform_(-1, 1)
            part.running_var.uniform_(0.5, 2)
    x = torch.randn(3, 3, 11, 13)
    with torch.no_grad():
        expected = module(x.clone()).numpy()
    result = wb.compile(module, example=x[:1], tune="model")(x)
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    limit = TOLERANCE * float(np.abs(expected).max())
    np.testing.assert_allclose(result, expected, rtol=0, atol=limit)
