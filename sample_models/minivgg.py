"""MiniVGG: six 3 x 3 convolutions for 28 x 28 grey images.

Every convolution is 3 x 3 with stride 1, so that kernel patterns and Winograd apply
to all of them. Belongs here: the architecture only.
"""

from torch import Tensor, nn

_STAGES = ((32, 32), (64, 64), (128, 128))


class MiniVGG(nn.Module):
    """A small VGG: three stages of two 3 x 3 convolutions, then global averaging.

    Parameters
    ----------
    num_classes : int
        Number of outputs.

    Source
    ------
    The layout of Simonyan and Zisserman, "Very Deep Convolutional Networks for
    Large-Scale Image Recognition", 2015, with batch normalisation, scaled to digits.
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for index, stage in enumerate(_STAGES):
            if index:
                layers.append(nn.MaxPool2d(2))
            for width in stage:
                layers += [
                    nn.Conv2d(channels, width, 3, padding=1, bias=False),
                    nn.BatchNorm2d(width),
                    nn.ReLU(),
                ]
                channels = width
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of a batch, (N, num_classes)."""
        logits: Tensor = self.classifier(self.flatten(self.pool(self.features(x))))
        return logits


def build(num_classes: int = 10) -> nn.Module:
    """Return a MiniVGG with PyTorch's own random initial weights."""
    return MiniVGG(num_classes)
