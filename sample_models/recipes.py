"""How each trained sample is trained: one line of options a sample.

Belongs here: the options. Does not belong here: the loop and the writing of cards.
"""

from collections.abc import Mapping
from types import MappingProxyType

from workbench.training.options import FitOptions

OPTIONS: Mapping[str, FitOptions] = MappingProxyType(
    {
        "lenet5-mnist5k": FitOptions(
            epochs=40,
            batch_size=64,
            peak_lr=0.05,
            label_smoothing=0.05,
            augment="jitter",
            precision="bf16",
        ),
        "minivgg-mnist5k": FitOptions(
            epochs=40,
            batch_size=64,
            peak_lr=0.1,
            label_smoothing=0.05,
            augment="jitter",
            precision="bf16",
            channels_last=True,
        ),
        "resnet20-cifar10": FitOptions(
            epochs=20,
            batch_size=128,
            peak_lr=0.2,
            label_smoothing=0.05,
            augment="crop-flip",
            precision="bf16",
            channels_last=True,
        ),
        "vgg16-cifar10": FitOptions(
            epochs=14,
            batch_size=128,
            peak_lr=0.1,
            label_smoothing=0.1,
            augment="crop-flip",
            precision="bf16",
            channels_last=True,
        ),
    }
)
