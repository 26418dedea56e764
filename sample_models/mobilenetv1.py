"""MobileNetV1 at width 1.0 for 224 x 224 colour images, with seeded weights.

Depthwise 3 x 3 and pointwise 1 x 1 convolutions in turn. Here to measure speed; its
answers mean nothing until trained weights are loaded.
"""

from torch import Tensor, nn

from sample_models.seeded import build_seeded

# (output channels, stride) of every depthwise-separable block, in order.
_BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *((512, 1),) * 5,
    (1024, 2),
    (1024, 1),
)
_SEED = 1


class MobileNetV1(nn.Module):
    """MobileNetV1: a stem and thirteen depthwise-separable blocks.

    Parameters
    ----------
    num_classes : int
        Number of outputs.

    Source
    ------
    Howard et al., "MobileNets", 2017, Table 1.
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.stem = _conv(3, 32, kernel=3, stride=2)
        blocks: list[nn.Module] = []
        channels = 32
        for width, stride in _BLOCKS:
            depthwise = _conv(channels, channels, stride=stride, groups=channels)
            pointwise = _conv(channels, width, kernel=1)
            blocks.append(nn.Sequential(*depthwise, *pointwise))
            channels = width
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of a batch, (N, num_classes)."""
        x = self.pool(self.blocks(self.stem(x)))
        logits: Tensor = self.classifier(self.flatten(x))
        return logits


def _conv(
    channels: int, width: int, *, kernel: int = 3, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(
            channels,
            width,
            kernel,
            stride,
            padding=kernel // 2,
            groups=groups,
            bias=False,
        ),
        nn.BatchNorm2d(width),
        nn.ReLU(),
    )


def build(num_classes: int = 1000) -> nn.Module:
    """Return a MobileNetV1 with seeded weights."""
    return build_seeded(MobileNetV1, num_classes, _SEED)
