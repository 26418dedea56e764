"""ResNet-20 for 32 x 32 colour images (the CIFAR form of residual networks).

The short cut of a stage that changes width is a 1 x 1 convolution with batch
normalisation ("option B" of the paper), which public checkpoints use as well.
Belongs here: the architecture only.
"""

from torch import Tensor, nn

_WIDTHS = (16, 32, 64)
_BLOCKS = 3


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions with a short cut around them.

    Parameters
    ----------
    channels, width : int
        Input and output channels.
    stride : int
        Stride of the first convolution and of the short cut.
    """

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample: nn.Module | None = None
        if stride != 1 or channels != width:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, width, 1, stride, bias=False),
                nn.BatchNorm2d(width),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output, (N, width, H / stride, W / stride)."""
        short_cut = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.bn1(self.conv1(x)))
        out: Tensor = self.relu(self.bn2(self.conv2(y)) + short_cut)
        return out


class ResNet20(nn.Module):
    """ResNet-20: one convolution, three stages of three basic blocks, a classifier.

    Parameters
    ----------
    num_classes : int
        Number of outputs.

    Source
    ------
    He et al., "Deep Residual Learning for Image Recognition", 2016, section 4.2.
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, _WIDTHS[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(_WIDTHS[0])
        self.relu = nn.ReLU()
        self.layer1 = _stage(_WIDTHS[0], _WIDTHS[0], stride=1)
        self.layer2 = _stage(_WIDTHS[0], _WIDTHS[1], stride=2)
        self.layer3 = _stage(_WIDTHS[1], _WIDTHS[2], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(_WIDTHS[2], num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of a batch, (N, num_classes)."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        logits: Tensor = self.fc(self.flatten(self.avgpool(x)))
        return logits


def _stage(channels: int, width: int, *, stride: int) -> nn.Sequential:
    blocks = [BasicBlock(channels, width, stride)]
    blocks += [BasicBlock(width, width, 1) for _ in range(_BLOCKS - 1)]
    return nn.Sequential(*blocks)


def build(num_classes: int = 10) -> nn.Module:
    """Return a ResNet-20 with He initial weights."""
    net = ResNet20(num_classes)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return net
