"""GoogLeNet: four-way inception modules with batch norm (Szegedy 2015, table 1)."""

import torch
from torch import Tensor, nn

from tests.engine.zoo.blocks import classifier, conv_bn


class Inception(nn.Module):
    def __init__(self, inputs: int, widths: tuple[int, int, int, int, int, int]):
        super().__init__()
        one, three_in, three, five_in, five, pool = widths
        self.branch1 = conv_bn(inputs, one, 1)
        self.branch2 = nn.Sequential(
            conv_bn(inputs, three_in, 1), conv_bn(three_in, three)
        )
        self.branch3 = nn.Sequential(
            conv_bn(inputs, five_in, 1), conv_bn(five_in, five, 5)
        )
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1), conv_bn(inputs, pool, 1))

    def forward(self, x: Tensor) -> Tensor:
        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        return torch.cat([branch(x) for branch in branches], 1)


def build(classes: int = 10) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        conv_bn(3, 64, 7, stride=2),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        conv_bn(64, 64, 1),
        conv_bn(64, 192),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Inception(192, (64, 96, 128, 16, 32, 32)),
        Inception(256, (128, 128, 192, 32, 96, 64)),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Inception(480, (192, 96, 208, 16, 48, 64)),
        Inception(512, (160, 112, 224, 24, 64, 64)),
        Inception(512, (128, 128, 256, 24, 64, 64)),
        Inception(512, (112, 144, 288, 32, 64, 64)),
        Inception(528, (256, 160, 320, 32, 128, 128)),
        nn.MaxPool2d(2, 2, ceil_mode=True),
        Inception(832, (256, 160, 320, 32, 128, 128)),
        Inception(832, (384, 192, 384, 48, 128, 128)),
        classifier(1024, classes),
    )
