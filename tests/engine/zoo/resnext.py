"""ResNeXt-50 (32x4d): ResNet-50 with 32 groups in its 3x3 layers (Xie 2017)."""

import torch
from torch import nn

from tests.engine.zoo.blocks import classifier, conv_bn
from tests.engine.zoo.bottleneck import Bottleneck


def build(classes: int = 10, groups: int = 32, group_width: int = 4) -> nn.Module:
    torch.manual_seed(0)
    layers: list[nn.Module] = [conv_bn(3, 64, 7, stride=2), nn.MaxPool2d(3, 2, 1)]
    width = 64
    for stage, depth in enumerate((3, 4, 6, 3)):
        middle, outputs = groups * group_width * 2**stage, 256 * 2**stage
        for index in range(depth):
            stride = 2 if stage and not index else 1
            layers.append(
                Bottleneck(width, middle, outputs, stride=stride, groups=groups)
            )
            width = outputs
    return nn.Sequential(*layers, classifier(width, classes))
