"""Networks: what they are, where they come from, how their weights are read."""

from workbench.models.architectures import (
    ARCHITECTURES,
    Architecture,
    list_architectures,
)
from workbench.models.inspect import from_module
from workbench.models.loading import load_model, load_upload
from workbench.models.network import Layer, Network
from workbench.models.samples import SAMPLES, Sample, list_samples
from workbench.models.weights_file import WeightsFile, read_weights

__all__ = [
    "ARCHITECTURES",
    "SAMPLES",
    "Architecture",
    "Layer",
    "Network",
    "Sample",
    "WeightsFile",
    "from_module",
    "list_architectures",
    "list_samples",
    "load_model",
    "load_upload",
    "read_weights",
]
