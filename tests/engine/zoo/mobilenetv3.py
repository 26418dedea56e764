"""MobileNetV3-small: squeeze-and-excitation and hard-swish (Howard 2019, table 2)."""

import torch
from torch import Tensor, nn

from tests.engine.zoo.blocks import conv_bn, round_channels

BLOCKS = (
    # kernel, hidden, outputs, squeeze, hard-swish, stride
    (3, 16, 16, True, False, 2),
    (3, 72, 24, False, False, 2),
    (3, 88, 24, False, False, 1),
    (5, 96, 40, True, True, 2),
    (5, 240, 40, True, True, 1),
    (5, 240, 40, True, True, 1),
    (5, 120, 48, True, True, 1),
    (5, 144, 48, True, True, 1),
    (5, 288, 96, True, True, 2),
    (5, 576, 96, True, True, 1),
    (5, 576, 96, True, True, 1),
)


class SqueezeExcite(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = round_channels(channels / 4)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        gate = self.fc2(torch.relu(self.fc1(self.pool(x))))
        return nn.functional.hardsigmoid(gate) * x


class Block(nn.Module):
    def __init__(
        self,
        inputs: int,
        spec: tuple[int, int, int, bool, bool, int],
    ) -> None:
        super().__init__()
        kernel, hidden, outputs, squeeze, swish, stride = spec
        act = nn.Hardswish if swish else nn.ReLU
        layers: list[nn.Module] = []
        if hidden != inputs:
            layers.append(conv_bn(inputs, hidden, 1, act=act))
        layers.append(
            conv_bn(hidden, hidden, kernel, stride=stride, groups=hidden, act=act)
        )
        if squeeze:
            layers.append(SqueezeExcite(hidden))
        layers.append(conv_bn(hidden, outputs, 1, act=None))
        self.body = nn.Sequential(*layers)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + x if self.residual else self.body(x)


def build(classes: int = 10) -> nn.Module:
    torch.manual_seed(0)
    blocks, width = [], 16
    for spec in BLOCKS:
        blocks.append(Block(width, spec))
        width = spec[2]
    return nn.Sequential(
        conv_bn(3, 16, stride=2, act=nn.Hardswish),
        *blocks,
        conv_bn(width, 576, 1, act=nn.Hardswish),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(576, 1024),
        nn.Hardswish(),
        nn.Dropout(0.2),
        nn.Linear(1024, classes),
    )
