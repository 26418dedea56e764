"""Small networks that between them use every operation of the engine."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

SEED = 20


class BasicBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.short: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.short = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False),
                nn.BatchNorm2d(outputs),
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.short(x))


class SqueezeExcite(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, 4, 1)
        self.fc2 = nn.Conv2d(4, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale = F.hardsigmoid(self.fc2(F.relu(self.fc1(self.pool(x)))))
        return x * scale


class Inception(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(channels, 5, 1)
        self.three = nn.Conv2d(channels, 7, 3, padding=1)
        self.five = nn.Conv2d(channels, 3, 5, padding=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pooled = F.max_pool2d(x, 3, 1, 1)
        parts = [F.relu(self.one(x)), self.three(x), self.five(x), pooled]
        return torch.cat(parts, 1)


class DenseGrowth(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, 4, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(channels + 4)
        self.conv2 = nn.Conv2d(channels + 4, 4, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv1(F.relu(self.bn1(x)))
        z = self.conv2(F.relu(self.bn2(torch.cat([x, y], 1))))
        return torch.cat([x, y, z], 1)


class ShuffleUnit(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.conv = nn.Conv2d(half, half, 1)
        self.dw = nn.Conv2d(half, half, 3, padding=1, groups=half)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        left, right = x.chunk(2, dim=1)
        x = torch.cat((left, F.relu(self.dw(self.conv(right)))), dim=1)
        n, c, h, w = x.shape
        return x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


def lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(120, 10),
    )


def vgg() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(inplace=True),
        nn.Conv2d(16, 16, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2, 2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2, 2, ceil_mode=True),
        nn.AdaptiveAvgPool2d((2, 3)),
        nn.Flatten(),
        nn.Linear(192, 10),
    )


def resnet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 1, 1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        BasicBlock(16, 16, 1),
        BasicBlock(16, 32, 2),
        BasicBlock(32, 32, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, 10),
    )


def mobilenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU6(),
        nn.Conv2d(8, 8, 3, 1, 1, groups=8),
        nn.Hardswish(),
        nn.Conv2d(8, 24, 1),
        nn.ReLU6(),
        nn.Conv2d(24, 24, 3, 2, 1, groups=24),
        nn.ReLU6(),
        nn.Conv2d(24, 20, 1),
        nn.SiLU(),
        SqueezeExcite(20),
        nn.Conv2d(20, 20, 5, 2, 2, groups=20),
        nn.Flatten(),
        nn.Linear(20 * 5 * 7, 10),
        nn.Sigmoid(),
    )


def branches() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1),
        Inception(6),
        DenseGrowth(21),
        nn.Conv2d(29, 12, 1),
        ShuffleUnit(12),
        nn.AvgPool2d(3, 2, 1, count_include_pad=False),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(12, 12, (1, 3), padding=(0, 1), groups=3),
    )


def odd_windows() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 5, 3, stride=3, padding=2),
        nn.Conv2d(5, 6, 3, padding=2, dilation=2),
        nn.Conv2d(6, 7, (3, 5), stride=(2, 1), padding="valid"),
        nn.Conv2d(7, 4, 4, padding="same"),
        nn.Conv2d(4, 8, 2, stride=2, groups=2),
        nn.Hardtanh(-0.5, 0.75),
        nn.Flatten(),
    )


NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, int, int]]] = {
    "lenet": (lenet, (1, 28, 28)),
    "vgg": (vgg, (3, 19, 22)),
    "resnet": (resnet, (3, 33, 31)),
    "mobilenet": (mobilenet, (3, 35, 50)),
    "branches": (branches, (2, 13, 18)),
    "odd_windows": (odd_windows, (3, 29, 41)),
}


def make(name: str, sparsity: float = 0.0) -> tuple[nn.Module, torch.Tensor]:
    """Return a seeded network in eval mode, maybe pruned, and three images."""
    torch.manual_seed(SEED)
    build, shape = NETS[name]
    module = build().eval()
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean.uniform_(-0.5, 0.5)
                part.running_var.uniform_(0.5, 2.0)
                part.weight.uniform_(0.5, 1.5)
                part.bias.uniform_(-0.5, 0.5)
            if isinstance(part, nn.Conv2d | nn.Linear) and sparsity:
                part.weight.mul_(torch.rand_like(part.weight) >= sparsity)
    return module, torch.randn(3, *shape)
