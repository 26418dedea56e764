"""MobileNetV2 (Sandler 2018, table 2)."""

import torch
from torch import Tensor, nn

from tests.engine.zoo.blocks import classifier, conv_bn

STAGES = (
    # expansion, outputs, repeats, stride
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class InvertedResidual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, expand: int) -> None:
        super().__init__()
        hidden = inputs * expand
        layers = [conv_bn(inputs, hidden, 1, act=nn.ReLU6)] if expand > 1 else []
        self.body = nn.Sequential(
            *layers,
            conv_bn(hidden, hidden, stride=stride, groups=hidden, act=nn.ReLU6),
            conv_bn(hidden, outputs, 1, act=None),
        )
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.residual else self.body(x)


def build(classes: int = 10) -> nn.Module:
    torch.manual_seed(0)
    blocks, width = [], 32
    for expand, outputs, repeats, stride in STAGES:
        for index in range(repeats):
            blocks.append(
                InvertedResidual(width, outputs, 1 if index else stride, expand)
            )
            width = outputs
    return nn.Sequential(
        conv_bn(3, 32, stride=2, act=nn.ReLU6),
        *blocks,
        conv_bn(width, 1280, 1, act=nn.ReLU6),
        classifier(1280, classes),
    )
