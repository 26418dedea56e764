"""ShuffleNetV2 x1.0: channel split, depthwise, concat, channel shuffle (Ma 2018)."""

import torch
from torch import Tensor, nn

from tests.engine.zoo.blocks import classifier, conv_bn


def shuffle(x: Tensor, groups: int) -> Tensor:
    n, c, h, w = x.shape
    return x.view(n, groups, c // groups, h, w).transpose(1, 2).reshape(n, c, h, w)


class Unit(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride, half = stride, outputs // 2
        self.left = (
            nn.Sequential(
                conv_bn(inputs, inputs, stride=stride, groups=inputs, act=None),
                conv_bn(inputs, half, 1),
            )
            if stride > 1
            else nn.Identity()
        )
        right_inputs = inputs if stride > 1 else half
        self.right = nn.Sequential(
            conv_bn(right_inputs, half, 1),
            conv_bn(half, half, stride=stride, groups=half, act=None),
            conv_bn(half, half, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        if self.stride == 1:
            kept, worked = x.chunk(2, 1)
        else:
            kept, worked = x, x
        return shuffle(torch.cat([self.left(kept), self.right(worked)], 1), 2)


def build(classes: int = 10) -> nn.Module:
    torch.manual_seed(0)
    layers: list[nn.Module] = [conv_bn(3, 24, stride=2), nn.MaxPool2d(3, 2, 1)]
    width = 24
    for outputs, repeats in ((116, 4), (232, 8), (464, 4)):
        for index in range(repeats):
            layers.append(Unit(width, outputs, 1 if index else 2))
            width = outputs
    return nn.Sequential(*layers, conv_bn(width, 1024, 1), classifier(1024, classes))
