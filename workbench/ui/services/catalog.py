"""What can be chosen in the shell: models and data, known without loading any.

Belongs here: names and titles. Does not belong here: loading (``networks``, ``data``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import streamlit as st

import workbench as wb
from workbench.models.offered import given_networks

UPLOADS = "uploaded_networks"


@dataclass(frozen=True)
class DataChoice:
    """A split and how many of its images; ``limit`` None means all."""

    title: str
    split: str
    limit: int | None


DATA: Mapping[str, DataChoice] = MappingProxyType(
    {
        "quick": DataChoice("Quick test subset", "test", 1000),
        "test": DataChoice("All test images", "test", None),
        "val": DataChoice("Validation images", "val", None),
    }
)
DATA_HELP = (
    "Images that accuracy is measured on, of the dataset the network was trained "
    "for. The quick subset has up to 1000 test images, classes evenly."
)


def model_names() -> tuple[str, ...]:
    """Return what can be chosen; the first opens first.

    Networks that the command named, the samples, then what this visitor uploaded.
    """
    samples = tuple(sample.name for sample in wb.list_samples())
    return (*given_networks(), *samples, *st.session_state.get(UPLOADS, {}))


def architecture_names() -> tuple[str, ...]:
    """Return the architectures that uploaded weights may belong to."""
    from workbench.models.architectures import ARCHITECTURES

    return tuple(ARCHITECTURES)


def dataset_names() -> tuple[str, ...]:
    """Return the datasets that sample networks were trained on."""
    found = (sample.dataset for sample in wb.list_samples())
    return tuple(dict.fromkeys(name for name in found if name))
