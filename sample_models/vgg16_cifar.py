"""VGG-16 with batch normalisation for 32 x 32 colour images.

Thirteen 3 x 3 convolutions and one linear layer (the CIFAR form). ``width=0.5`` halves
every channel count and makes the weights file a quarter. Belongs here: the
architecture only.
"""

from torch import Tensor, nn

from sample_models.seeded import with_he_weights

_STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


class Vgg16Cifar(nn.Module):
    """VGG-16-BN in the CIFAR form.

    Parameters
    ----------
    num_classes : int
        Number of outputs.
    width : float
        Factor on every channel count; 1.0 is the published network.

    Source
    ------
    Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
    Recognition", 2015, configuration D; one linear layer as is usual on CIFAR.
    """

    def __init__(self, num_classes: int = 10, width: float = 1.0) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for stage in _STAGES:
            for full in stage:
                out = int(full * width)
                layers += [
                    nn.Conv2d(channels, out, 3, padding=1, bias=False),
                    nn.BatchNorm2d(out),
                    nn.ReLU(),
                ]
                channels = out
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of a batch, (N, num_classes)."""
        logits: Tensor = self.classifier(self.flatten(self.features(x)))
        return logits


def build(num_classes: int = 10, width: float = 0.5) -> nn.Module:
    """Return a VGG-16-BN with He initial weights; half width unless told otherwise."""
    return with_he_weights(Vgg16Cifar(num_classes, width))
