"""Small networks of every topology that pruning must handle."""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from workbench.models.inspect import from_module
from workbench.models.network import Network

torch.set_num_threads(1)


def conv_bn(inputs: int, outputs: int, size: int = 3, **kwargs: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False, **kwargs)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.one = conv_bn(inputs, outputs, stride=stride)
        self.two = conv_bn(outputs, outputs)
        same = stride == 1 and inputs == outputs
        self.skip = nn.Identity() if same else conv_bn(inputs, outputs, 1, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.two(F.relu(self.one(x))) + self.skip(x))


class Residual(nn.Module):
    """A ResNet-20 in small: three stages, projections, a mean before the classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 8)
        self.layer1 = nn.Sequential(Block(8, 8, 1), Block(8, 8, 1))
        self.layer2 = nn.Sequential(Block(8, 16, 2), Block(16, 16, 1))
        self.layer3 = nn.Sequential(Block(16, 32, 2), Block(32, 32, 1))
        self.fc = nn.Linear(32, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.layer3(self.layer2(self.layer1(F.relu(self.stem(x)))))
        return self.fc(x.mean((2, 3)))


class Concat(nn.Module):
    """Two branches concatenated, batch norm after the concatenation (DenseNet)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1)
        self.left = nn.Conv2d(6, 4, 3, padding=1)
        self.right = nn.Conv2d(6, 5, 1)
        self.norm = nn.BatchNorm2d(15)
        self.mix = nn.Conv2d(15, 8, 3, padding=1)
        self.fc = nn.Linear(8 * 16, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.stem(x))
        x = F.relu(self.norm(torch.cat([x, self.left(x), self.right(x)], dim=1)))
        return self.fc(F.max_pool2d(F.relu(self.mix(x)), 2).flatten(1))


class Grouped(nn.Module):
    """A ResNeXt-like path: 1x1, grouped 3x3, 1x1."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 12)
        self.middle = conv_bn(12, 16, groups=4)
        self.last = conv_bn(16, 12, 1)
        self.fc = nn.Linear(12, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.stem(x))
        x = x + self.last(F.relu(self.middle(x)))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


class Depthwise(nn.Module):
    """MobileNetV1 in small: depthwise 3x3 and pointwise 1x1, hardswish between."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 8)
        self.dw1 = conv_bn(8, 8, groups=8)
        self.pw1 = conv_bn(8, 16, 1)
        self.dw2 = conv_bn(16, 16, groups=16, stride=2)
        self.pw2 = conv_bn(16, 24, 1)
        self.fc = nn.Linear(24, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for part in (self.stem, self.dw1, self.pw1, self.dw2, self.pw2):
            x = F.hardswish(part(x))
        return self.fc(x.mean((2, 3)))


class Sigmoid(nn.Module):
    """An activation that is not zero at zero, biases, and no batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 6, 3)
        self.two = nn.Conv2d(6, 8, 3, padding=1)
        self.hidden = nn.Linear(8 * 36, 20)
        self.fc = nn.Linear(20, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.sigmoid(self.two(torch.sigmoid(self.one(x))))
        return self.fc(torch.sigmoid(self.hidden(x.flatten(1))))


TOPOLOGIES = {
    kind.__name__.lower(): kind
    for kind in (Residual, Concat, Grouped, Depthwise, Sigmoid)
}


def network(kind: str) -> Network:
    """Return a seeded network whose batch norms have offsets that must be handled."""
    torch.manual_seed(7)
    module = TOPOLOGIES[kind]()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.weight, 1.0, 0.3)
            nn.init.normal_(part.bias, 0.0, 0.5)
            nn.init.normal_(part.running_mean, 0.0, 0.3)
            nn.init.uniform_(part.running_var, 0.5, 1.5)
    return from_module(module, input_shape=(3, 8, 8), name=kind)


def chain(*widths: int, size: int = 3) -> Network:
    """Return a plain chain of convolutions with the given widths and a classifier."""
    torch.manual_seed(3)
    convs = [nn.Conv2d(i, o, size, padding=size // 2) for i, o in pairwise(widths)]
    tail = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], 10)]
    return from_module(
        nn.Sequential(*convs, *tail), input_shape=(widths[0], 8, 8), name="chain"
    )
