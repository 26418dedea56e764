"""RegNetX-400MF: grouped 3x3 of 16 channels each (Radosavovic 2020)."""

import torch
from torch import nn

from tests.engine.zoo.blocks import classifier, conv_bn
from tests.engine.zoo.bottleneck import Bottleneck

STAGES = ((32, 1), (64, 2), (160, 7), (400, 12))
GROUP_WIDTH = 16


def build(classes: int = 10) -> nn.Module:
    torch.manual_seed(0)
    layers: list[nn.Module] = [conv_bn(3, 32, stride=2)]
    width = 32
    for outputs, depth in STAGES:
        for index in range(depth):
            layers.append(
                Bottleneck(
                    width,
                    outputs,
                    outputs,
                    stride=1 if index else 2,
                    groups=outputs // GROUP_WIDTH,
                )
            )
            width = outputs
    return nn.Sequential(*layers, classifier(width, classes))
