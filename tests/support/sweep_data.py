"""Made-up validation images, labelled by the network itself, for tests of sweeps."""

import numpy as np
import torch

from workbench.data.dataset import Dataset, make_dataset
from workbench.models.network import Network


def val_data(network: Network, n: int = 50, *, split: str = "val") -> Dataset:
    """Return images that the network classifies right, but for every fifth."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (n, *network.input_shape), dtype=np.uint8)
    channels = network.input_shape[0]
    norm = ((0.5,) * channels, (0.25,) * channels)
    classes = tuple(str(c) for c in range(10))
    made = make_dataset(
        "made",
        split,
        images=images,
        labels=np.zeros(n, dtype=np.int64),
        classes=classes,
        norm=norm,
    )
    with torch.inference_mode():
        labels = network.module(made.tensor()).argmax(1).numpy().copy()
    labels[::5] = (labels[::5] + 1) % 10
    return make_dataset(
        "made", split, images=images, labels=labels, classes=classes, norm=norm
    )
