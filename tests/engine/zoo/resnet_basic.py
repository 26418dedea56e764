"""ResNet-18 (He 2016, table 1)."""

import torch
from torch import nn

from tests.engine.zoo.blocks import classifier, conv_bn
from tests.engine.zoo.resnet_cifar import Block


def build(classes: int = 10) -> nn.Module:
    torch.manual_seed(0)
    blocks, width = [], 64
    for stage in range(4):
        for index in range(2):
            outputs = 64 * 2**stage
            blocks.append(Block(width, outputs, 2 if stage and not index else 1))
            width = outputs
    return nn.Sequential(
        conv_bn(3, 64, 7, stride=2),
        nn.MaxPool2d(3, 2, 1),
        *blocks,
        classifier(width, classes),
    )
