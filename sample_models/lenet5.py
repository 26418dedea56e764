"""LeNet-5 in the form that pruning papers use (20-50-500-10, ReLU, max pooling).

Belongs here: the architecture. Does not belong here: its weights (the
``.safetensors`` file) and how it was trained (``train.py`` and the card).
"""

from torch import Tensor, nn


class LeNet5(nn.Module):
    """LeNet-5 for 28 x 28 grey images: two 5 x 5 convolutions, two linear layers.

    Parameters
    ----------
    num_classes : int
        Number of outputs.

    Source
    ------
    LeCun et al., "Gradient-based learning applied to document recognition", 1998;
    widths as in Han et al., "Learning both Weights and Connections", 2015, Table 2.
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 20, 5)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(20, 50, 5)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(2)
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(50 * 4 * 4, 500)
        self.relu3 = nn.ReLU()
        self.fc2 = nn.Linear(500, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of a batch, (N, num_classes)."""
        x = self.pool1(self.relu1(self.conv1(x)))
        x = self.pool2(self.relu2(self.conv2(x)))
        logits: Tensor = self.fc2(self.relu3(self.fc1(self.flatten(x))))
        return logits


def build(num_classes: int = 10) -> nn.Module:
    """Return a LeNet-5 with PyTorch's own random initial weights."""
    return LeNet5(num_classes)
