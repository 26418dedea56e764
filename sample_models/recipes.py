"""How each trained sample is trained: one or more stages of options a sample.

A stage starts from the weights of the one before it. Belongs here: the options. Does
not belong here: the loop and the writing of cards.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from workbench.training.loop.options import FitOptions

_COLOUR = FitOptions(
    batch_size=128,
    label_smoothing=0.05,
    augment="crop-flip",
    precision="bf16",
    channels_last=True,
)
_DIGITS = FitOptions(
    epochs=40,
    batch_size=64,
    label_smoothing=0.05,
    augment="jitter",
    precision="bf16",
)

# Cutout shifts batch-norm statistics like a black rim does: a short stage follows it.
# The last stage of the colour networks crops without a black rim, so that batch-norm
# statistics fit plain images.
STAGES: Mapping[str, tuple[FitOptions, ...]] = MappingProxyType(
    {
        "lenet5-mnist5k": (replace(_DIGITS, peak_lr=0.05),),
        "minivgg-mnist5k": (replace(_DIGITS, peak_lr=0.1, channels_last=True),),
        "resnet20-cifar10": (
            replace(_COLOUR, epochs=40, peak_lr=0.2, schedule="two-cycles"),
            replace(_COLOUR, epochs=3, peak_lr=0.02, augment="mirror-crop-flip"),
        ),
        "vgg16-cifar10": (
            replace(_COLOUR, epochs=14, peak_lr=0.1, label_smoothing=0.1),
            replace(
                _COLOUR,
                epochs=6,
                peak_lr=0.03,
                label_smoothing=0.1,
                augment="mirror-crop-flip",
            ),
            replace(
                _COLOUR,
                epochs=26,
                peak_lr=0.06,
                label_smoothing=0.1,
                augment="mirror-crop-flip",
            ),
            replace(
                _COLOUR,
                epochs=10,
                peak_lr=0.04,
                label_smoothing=0.1,
                augment="mirror-crop-flip-cutout",
            ),
            replace(
                _COLOUR,
                epochs=2,
                peak_lr=0.004,
                schedule="cosine",
                label_smoothing=0.1,
                augment="mirror-crop-flip",
                ema=0.998,
            ),
        ),
    }
)
