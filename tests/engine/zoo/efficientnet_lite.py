"""EfficientNet-Lite0: EfficientNet-B0 with ReLU6 and no squeeze-and-excitation."""

import torch
from torch import Tensor, nn

from tests.engine.zoo.blocks import classifier, conv_bn

STAGES = (
    # expansion, outputs, repeats, stride, kernel
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)


class MBConv(nn.Module):
    def __init__(
        self, inputs: int, outputs: int, stride: int, expand: int, kernel: int
    ) -> None:
        super().__init__()
        hidden = inputs * expand
        layers = [conv_bn(inputs, hidden, 1, act=nn.ReLU6)] if expand > 1 else []
        self.body = nn.Sequential(
            *layers,
            conv_bn(hidden, hidden, kernel, stride=stride, groups=hidden, act=nn.ReLU6),
            conv_bn(hidden, outputs, 1, act=None),
        )
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + x if self.residual else self.body(x)


def build(classes: int = 10) -> nn.Module:
    torch.manual_seed(0)
    blocks, width = [], 32
    for expand, outputs, repeats, stride, kernel in STAGES:
        for index in range(repeats):
            blocks.append(
                MBConv(width, outputs, 1 if index else stride, expand, kernel)
            )
            width = outputs
    return nn.Sequential(
        conv_bn(3, 32, stride=2, act=nn.ReLU6),
        *blocks,
        conv_bn(width, 1280, 1, act=nn.ReLU6),
        classifier(1280, classes),
    )
