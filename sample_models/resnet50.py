"""ResNet-50 for 224 x 224 colour images, with seeded weights.

Tensor names are those of torchvision's ``resnet50``, so that its weights load. Here to
measure speed; its answers mean nothing until trained weights are loaded.
"""

import torch
from torch import Tensor, nn

from sample_models.residual import ResidualNet, short_cut
from sample_models.seeded import build_seeded

# (width, blocks, stride) of every stage.
_STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
_EXPANSION = 4
_SEED = 2
_BRANCH_GAIN = 0.3


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions with a short cut around them.

    Parameters
    ----------
    channels : int
        Input channels.
    width : int
        Channels inside; the output has four times as many.
    stride : int
        Stride of the 3 x 3 convolution and of the short cut.
    """

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        out = width * _EXPANSION
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.relu = nn.ReLU()
        self.downsample = short_cut(channels, out, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output, (N, 4 * width, H / stride, W / stride)."""
        short_cut = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        out: Tensor = self.relu(self.bn3(self.conv3(y)) + short_cut)
        return out


class ResNet50(ResidualNet):
    """ResNet-50 with the stride on the 3 x 3 convolutions ("v1.5").

    Parameters
    ----------
    num_classes : int
        Number of outputs.

    Source
    ------
    He et al., "Deep Residual Learning for Image Recognition", 2016, Table 1.
    """

    def __init__(self, num_classes: int = 1000) -> None:
        stages, channels = [], 64
        for width, blocks, stride in _STAGES:
            stage = [Bottleneck(channels, width, stride)]
            channels = width * _EXPANSION
            stage += [Bottleneck(channels, width, 1) for _ in range(blocks - 1)]
            stages.append(nn.Sequential(*stage))
        super().__init__(
            nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False),
            stages,
            channels=channels,
            num_classes=num_classes,
            pool=nn.MaxPool2d(3, stride=2, padding=1),
        )


def build(num_classes: int = 1000) -> nn.Module:
    """Return a ResNet-50 with seeded weights.

    The last norm of every branch is damped, so that sixteen sums do not blow up.
    """
    net = build_seeded(ResNet50, num_classes, _SEED)
    with torch.no_grad():
        for child in net.modules():
            if isinstance(child, Bottleneck):
                child.bn3.weight.mul_(_BRANCH_GAIN)
    return net
