"""The table of sample models: an architecture, its weights file and its data.

Adding a sample = one file in ``sample_models/`` and one line here. Does not belong
here: how they were trained (``sample_models/train.py`` and the cards).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from workbench.errors import WorkbenchError
from workbench.models.architectures import architecture
from workbench.reading import read_regular

_PACKAGE = "sample_models"


@dataclass(frozen=True)
class Sample:
    """One sample model.

    Parameters
    ----------
    name : str
        What people call it; its files are ``<name>.safetensors``, ``<name>.card.json``.
    architecture : str
        A name of the architecture table.
    dataset : str or None
        What it was trained on; None for seeded weights.
    note : str
        One line for people.
    """

    name: str
    architecture: str
    dataset: str | None
    note: str

    @property
    def trained(self) -> bool:
        """Return whether there is a weights file (else weights come from a seed)."""
        return self.dataset is not None

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Return the shape of one image, (C, H, W)."""
        return architecture(self.architecture).input_shape

    @property
    def weights(self) -> Path | None:
        """Return the weights file, or None if weights come from a seed."""
        return sample_directory() / f"{self.name}.safetensors" if self.trained else None

    def card(self) -> Mapping[str, Any]:
        """Return the card: data, epochs, minutes, accuracy with n, digest, command.

        A sample with seeded weights has a card that says so and no accuracy.

        Raises
        ------
        WorkbenchError
            If the card's file is missing or damaged.
        """
        if not self.trained:
            return MappingProxyType(
                {
                    "name": self.name,
                    "architecture": self.architecture,
                    "dataset": None,
                    "note": self.note,
                }
            )
        path = sample_directory() / f"{self.name}.card.json"
        try:
            content: dict[str, Any] = json.loads(read_regular(path))
        except (OSError, ValueError) as error:
            raise WorkbenchError(
                f"no readable card at {path} ({error})",
                "a JSON file",
                f"Restore it from the repository, or retrain: "
                f"python -m sample_models.train {self.name}",
            ) from error
        return MappingProxyType(content)


def sample_directory() -> Path:
    """Return the directory of the sample models, in a checkout or installed."""
    return Path(str(files(_PACKAGE)))


def _table(*rows: Sample) -> Mapping[str, Sample]:
    return MappingProxyType({row.name: row for row in rows})


_SEEDED = "seeded weights, for speed only"

# The first one opens on first start.
SAMPLES: Mapping[str, Sample] = _table(
    Sample("minivgg-mnist5k", "minivgg", "mnist5k", "six 3 x 3 convolutions on digits"),
    Sample("lenet5-mnist5k", "lenet5", "mnist5k", "LeNet-5 (20-50-500-10) on digits"),
    Sample("resnet20-cifar10", "resnet20", "cifar10", "ResNet-20 on CIFAR-10"),
    Sample(
        "vgg16-cifar10", "vgg16-cifar", "cifar10", "VGG-16-BN, half width, on CIFAR-10"
    ),
    Sample("mobilenetv1-224", "mobilenetv1", None, f"MobileNetV1, {_SEEDED}"),
    Sample("resnet50-224", "resnet50", None, f"ResNet-50, {_SEEDED}"),
    Sample("vgg16-224", "vgg16", None, f"VGG-16, {_SEEDED}"),
)


def list_samples() -> tuple[Sample, ...]:
    """Return every sample model; the first opens on first start."""
    return tuple(SAMPLES.values())


def sample(name: str) -> Sample:
    """Return the sample model of that name.

    Raises
    ------
    WorkbenchError
        If there is none; names the nearest.
    """
    if name in SAMPLES:
        return SAMPLES[name]
    near = get_close_matches(name, SAMPLES, n=1)
    hint = f"Did you mean '{near[0]}'?" if near else "Choose one of them."
    raise WorkbenchError(f"sample model '{name}'", "one of " + ", ".join(SAMPLES), hint)
