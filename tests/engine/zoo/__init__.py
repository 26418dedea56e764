"""Architectures that the product does not ship, written in plain torch for the tests.

Each file defines `build(classes=10) -> nn.Module`; `ARCHITECTURES` names the smallest
input that keeps every stage of the network alive.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from torch import nn


@dataclass(frozen=True)
class Architecture:
    name: str
    module: str
    input_shape: tuple[int, int, int]
    options: tuple[tuple[str, object], ...] = ()

    def build(self) -> nn.Module:
        build: Callable[..., nn.Module] = import_module(
            f"tests.engine.zoo.{self.module}"
        ).build
        return build(**dict(self.options)).eval()


ARCHITECTURES = (
    Architecture("resnet56-cifar", "resnet_cifar", (3, 32, 32), (("depth", 56),)),
    Architecture("resnet18", "resnet_basic", (3, 64, 64)),
    Architecture("mobilenetv2", "mobilenetv2", (3, 64, 64)),
    Architecture("mobilenetv3-small", "mobilenetv3", (3, 64, 64)),
    Architecture("efficientnet-lite0", "efficientnet_lite", (3, 64, 64)),
    Architecture("squeezenet", "squeezenet", (3, 64, 64)),
    Architecture("densenet121", "densenet", (3, 64, 64)),
    Architecture("googlenet", "googlenet", (3, 64, 64)),
    Architecture("shufflenetv2", "shufflenetv2", (3, 64, 64)),
    Architecture("regnetx-400mf", "regnetx", (3, 64, 64)),
    Architecture("resnext50-32x4d", "resnext", (3, 64, 64)),
)
