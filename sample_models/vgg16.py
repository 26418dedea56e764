"""VGG-16 (without batch normalisation) for 224 x 224 colour images, seeded weights.

Tensor names are those of torchvision's ``vgg16``, so that its weights load. Here to
measure speed; its answers mean nothing until trained weights are loaded.
"""

from torch import Tensor, nn

from sample_models.seeded import build_seeded

_STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
_SEED = 3


class Vgg16(nn.Module):
    """VGG-16: thirteen 3 x 3 convolutions and three linear layers.

    Parameters
    ----------
    num_classes : int
        Number of outputs.

    Source
    ------
    Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
    Recognition", 2015, Table 1, configuration D.
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for stage in _STAGES:
            for width in stage:
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.flatten = nn.Flatten()
        self.classifier = nn.Sequential(
            nn.Linear(channels * 7 * 7, 4096),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(4096, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of a batch, (N, num_classes)."""
        logits: Tensor = self.classifier(self.flatten(self.features(x)))
        return logits


def build(num_classes: int = 1000) -> nn.Module:
    """Return a VGG-16 with seeded weights."""
    return build_seeded(Vgg16, num_classes, _SEED)
