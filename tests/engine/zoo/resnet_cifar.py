"""ResNet for 32 x 32 inputs with parameter-free shortcuts (He 2016, section 4.2)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.engine.zoo.blocks import classifier, conv_bn


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = conv_bn(inputs, outputs, stride=stride)
        self.conv2 = conv_bn(outputs, outputs, act=None)
        self.shortcut = (
            nn.Identity()
            if stride == 1
            else conv_bn(inputs, outputs, 1, stride=stride, act=None)
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv2(self.conv1(x)) + self.shortcut(x))


def build(classes: int = 10, depth: int = 56) -> nn.Module:
    torch.manual_seed(0)
    blocks, width = [], 16
    for stage in range(3):
        for index in range((depth - 2) // 6):
            outputs = 16 * 2**stage
            blocks.append(Block(width, outputs, 2 if stage and not index else 1))
            width = outputs
    return nn.Sequential(conv_bn(3, 16), *blocks, classifier(64, classes))
