"""ResNet-20 for 32 x 32 colour images (the CIFAR form of residual networks).

The short cut of a stage that changes width is a convolution ("option B" of the paper),
which public checkpoints use as well.
Belongs here: the architecture only.
"""

from torch import Tensor, nn

from sample_models.residual import ResidualNet, short_cut
from sample_models.seeded import with_he_weights

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
        self.downsample = short_cut(channels, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output, (N, width, H / stride, W / stride)."""
        short_cut = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.bn1(self.conv1(x)))
        out: Tensor = self.relu(self.bn2(self.conv2(y)) + short_cut)
        return out


class ResNet20(ResidualNet):
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
        stem = nn.Conv2d(3, _WIDTHS[0], 3, padding=1, bias=False)
        stages = [
            _stage(_WIDTHS[0], _WIDTHS[0], stride=1),
            _stage(_WIDTHS[0], _WIDTHS[1], stride=2),
            _stage(_WIDTHS[1], _WIDTHS[2], stride=2),
        ]
        super().__init__(stem, stages, channels=_WIDTHS[2], num_classes=num_classes)


def _stage(channels: int, width: int, *, stride: int) -> nn.Sequential:
    blocks = [BasicBlock(channels, width, stride)]
    blocks += [BasicBlock(width, width, 1) for _ in range(_BLOCKS - 1)]
    return nn.Sequential(*blocks)


def build(num_classes: int = 10) -> nn.Module:
    """Return a ResNet-20 with He initial weights."""
    return with_he_weights(ResNet20(num_classes))
