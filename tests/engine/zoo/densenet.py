"""DenseNet-121: batch norm before convolution, growing concatenations (Huang 2017)."""

import torch
from torch import Tensor, nn

from tests.engine.zoo.blocks import classifier


def bn_relu_conv(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        nn.BatchNorm2d(inputs),
        nn.ReLU(),
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
    )


class DenseLayer(nn.Module):
    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            bn_relu_conv(inputs, 4 * growth, 1), bn_relu_conv(4 * growth, growth, 3)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.body(x)], 1)


def build(
    classes: int = 10,
    growth: int = 32,
    depths: tuple[int, ...] = (6, 12, 24, 16),
) -> nn.Module:
    torch.manual_seed(0)
    width = 2 * growth
    layers: list[nn.Module] = [
        nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
    ]
    for stage, depth in enumerate(depths):
        for _ in range(depth):
            layers.append(DenseLayer(width, growth))
            width += growth
        if stage < len(depths) - 1:
            layers += [bn_relu_conv(width, width // 2, 1), nn.AvgPool2d(2)]
            width //= 2
    layers += [nn.BatchNorm2d(width), nn.ReLU(), classifier(width, classes)]
    return nn.Sequential(*layers)
