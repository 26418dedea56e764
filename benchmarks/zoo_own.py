"""Networks of the zoo that are no plain classifiers of a library.

Belongs here: the convolutional part of detectors, a detector and a segmentation network
as people write them. Does not belong here: the list (zoo_networks.py).
"""

from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Trunk(nn.Module):
    """What a detector of torchvision computes before it looks at its own numbers.

    Boxes are decoded and suppressed behind it; what is cut off depends on the image.
    """

    def __init__(self, detector: Any) -> None:
        super().__init__()
        self.backbone, self.head = detector.backbone, detector.head

    def forward(self, x: Tensor) -> Any:
        return self.head(list(self.backbone(x).values()))


def _detector(name: str) -> Trunk:
    models = import_module("torchvision.models.detection")
    build = getattr(models, name)
    return Trunk(build(weights=None, weights_backbone=None)).eval()


def ssdlite() -> Trunk:
    """Return SSDLite with MobileNetV3 without its post-processing."""
    return _detector("ssdlite320_mobilenet_v3_large")


def retinanet() -> Trunk:
    """Return RetinaNet with ResNet-50, whose heads run on maps of five sizes."""
    return _detector("retinanet_resnet50_fpn")


def _block(inputs: int, outputs: int, size: int = 1, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.SiLU(),
    )


class C2f(nn.Module):
    """Half of the channels pass by, the other half go through bottlenecks."""

    def __init__(
        self, inputs: int, outputs: int, count: int = 1, add: bool = True
    ) -> None:
        super().__init__()
        half = outputs // 2
        self.first = _block(inputs, 2 * half)
        self.last = _block((2 + count) * half, outputs)
        self.blocks = nn.ModuleList(
            nn.Sequential(_block(half, half, 3), _block(half, half, 3))
            for _ in range(count)
        )
        self.add = add

    def forward(self, x: Tensor) -> Tensor:
        parts = list(self.first(x).chunk(2, 1))
        for block in self.blocks:
            y = block(parts[-1])
            parts.append(parts[-1] + y if self.add else y)
        return self.last(torch.cat(parts, 1))  # type: ignore[no-any-return]


class SPPF(nn.Module):
    """Maxima over 5, 9 and 13 pixels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.last = _block(inputs, inputs // 2), _block(2 * inputs, outputs)
        self.pool = nn.MaxPool2d(5, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.first(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        return self.last(torch.cat(parts, 1))  # type: ignore[no-any-return]


class Yolo(nn.Module):
    """A detector in the manner of YOLOv8: three strides, boxes and classes apart."""

    def __init__(self, num_classes: int = 20, width: int = 16) -> None:
        super().__init__()
        w = width
        self.stem = nn.Sequential(_block(3, w, 3, 2), _block(w, 2 * w, 3, 2))
        self.two = C2f(2 * w, 2 * w)
        self.down3, self.three = _block(2 * w, 4 * w, 3, 2), C2f(4 * w, 4 * w, 2)
        self.down4, self.four = _block(4 * w, 8 * w, 3, 2), C2f(8 * w, 8 * w, 2)
        self.down5, self.five = _block(8 * w, 16 * w, 3, 2), C2f(16 * w, 16 * w)
        self.pyramid = SPPF(16 * w, 16 * w)
        self.up4, self.up3 = (
            C2f(24 * w, 8 * w, add=False),
            C2f(12 * w, 4 * w, add=False),
        )
        self.again4, self.out4 = (
            _block(4 * w, 4 * w, 3, 2),
            C2f(12 * w, 8 * w, add=False),
        )
        self.again5, self.out5 = (
            _block(8 * w, 8 * w, 3, 2),
            C2f(24 * w, 16 * w, add=False),
        )
        widths = (4 * w, 8 * w, 16 * w)
        self.boxes = nn.ModuleList(self._head(n, 4) for n in widths)
        self.classes = nn.ModuleList(self._head(n, num_classes) for n in widths)

    @staticmethod
    def _head(inputs: int, outputs: int) -> nn.Sequential:
        return nn.Sequential(
            _block(inputs, 32, 3), _block(32, 32, 3), nn.Conv2d(32, outputs, 1)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.two(self.stem(x))
        three = self.three(self.down3(x))
        four = self.four(self.down4(three))
        five = self.pyramid(self.five(self.down5(four)))
        four = self.up4(torch.cat([_twice(five), four], 1))
        three = self.up3(torch.cat([_twice(four), three], 1))
        four = self.out4(torch.cat([self.again4(three), four], 1))
        five = self.out5(torch.cat([self.again5(four), five], 1))
        return [
            torch.cat([box(x), kind(x)], 1).flatten(2)
            for x, box, kind in zip(
                (three, four, five), self.boxes, self.classes, strict=True
            )
        ]


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class UNet(nn.Module):
    """Three steps down, three up by transposed convolutions, maps joined."""

    def __init__(self, num_classes: int = 11, width: int = 16) -> None:
        super().__init__()
        widths = [width * 2**i for i in range(4)]
        self.down = nn.ModuleList(
            self._pair(a, b) for a, b in zip([3, *widths], widths, strict=False)
        )
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(2 * w, w, 2, 2) for w in reversed(widths[:-1])
        )
        self.join = nn.ModuleList(self._pair(2 * w, w) for w in reversed(widths[:-1]))
        self.last = nn.Conv2d(width, num_classes, 1)

    @staticmethod
    def _pair(inputs: int, outputs: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        for a, b in ((inputs, outputs), (outputs, outputs)):
            layers += [
                nn.Conv2d(a, b, 3, padding=1, bias=False),
                nn.BatchNorm2d(b),
                nn.ReLU(),
            ]
        return nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for place, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if place else x)
            kept.append(x)
        for up, join, y in zip(self.up, self.join, kept[-2::-1], strict=True):
            x = join(torch.cat([y, up(x)], 1))
        return self.last(x)  # type: ignore[no-any-return]
