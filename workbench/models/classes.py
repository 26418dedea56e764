"""Class names of the datasets that the samples were trained on.

Belongs here: names in label order. Does not belong here: images (``workbench.data``).
"""

from collections.abc import Mapping
from types import MappingProxyType

_CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck"

DATASET_CLASSES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "mnist5k": tuple("0123456789"),
        "cifar10": tuple(_CIFAR10.split()),
    }
)
