"""What the residual networks have in common: short cuts, stem and classifier.

Belongs here: what every depth and block shares, under the names of torchvision's
tensors. Does not belong here: blocks and sizes (a file each), weights.
"""

from collections.abc import Sequence

from torch import Tensor, nn


def short_cut(channels: int, out: int, stride: int) -> nn.Module | None:
    """Return a normalised 1 x 1 convolution where shapes change ("option B"), or None.

    Parameters
    ----------
    channels, out : int
        Channels before and after the block.
    stride : int
        Of the block.
    """
    if stride == 1 and channels == out:
        return None
    return nn.Sequential(
        nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out)
    )


class ResidualNet(nn.Module):
    """A stem, stages of residual blocks, the mean of each channel, a classifier.

    Parameters
    ----------
    stem : nn.Conv2d
        The first convolution.
    stages : sequence of nn.Sequential
        They become ``layer1``, ``layer2`` and so on.
    channels : int
        Behind the last stage.
    num_classes : int
        Number of outputs.
    pool : nn.Module, optional
        Between the stem and the stages.
    """

    def __init__(
        self,
        stem: nn.Conv2d,
        stages: Sequence[nn.Sequential],
        *,
        channels: int,
        num_classes: int,
        pool: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.conv1 = stem
        self.bn1 = nn.BatchNorm2d(stem.out_channels)
        self.relu = nn.ReLU()
        self.maxpool = pool
        self._stages = tuple(f"layer{index}" for index in range(1, len(stages) + 1))
        for name, blocks in zip(self._stages, stages, strict=True):
            self.add_module(name, blocks)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of a batch, (N, num_classes)."""
        x = self.relu(self.bn1(self.conv1(x)))
        if self.maxpool is not None:
            x = self.maxpool(x)
        for name in self._stages:
            x = self.get_submodule(name)(x)
        logits: Tensor = self.fc(self.flatten(self.avgpool(x)))
        return logits
