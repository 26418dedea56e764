"""Tiny images and networks for tests of training; nothing here takes a second."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from workbench.data.dataset import Dataset, make_dataset
from workbench.models.digest import digest_state
from workbench.models.inspect import from_module
from workbench.models.network import Network


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Import this where weights are compared: sums depend on the thread count."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def stripes(count: int = 96, seed: int = 0, split: str = "train") -> Dataset:
    """Return noisy 8 x 8 images with a bright row (class 0) or column (class 1)."""
    random = np.random.RandomState(seed)
    images = random.randint(0, 120, (count, 1, 8, 8)).astype(np.uint8)
    labels = np.arange(count) % 2
    for image, label in zip(images, labels, strict=True):
        place = random.randint(8)
        if label:
            image[0, :, place] = 255
        else:
            image[0, place] = 255
    return make_dataset(
        "stripes",
        split,
        images=images,
        labels=labels,
        classes=("row", "column"),
        norm=((0.3,), (0.3,)),
    )


@cache
def stripe_network() -> Network:
    """Return two 3 x 3 convolutions of 8 and 12 filters and a classifier, untrained."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        module = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 12, 3, padding=1, bias=False),
            nn.BatchNorm2d(12),
            nn.ReLU(),
            nn.AdaptiveMaxPool2d(2),
            nn.Flatten(),
            nn.Linear(48, 2),
        )
    return from_module(
        module, input_shape=(1, 8, 8), name="stripe", classes=("row", "column")
    )


def digest(module: nn.Module) -> str:
    """Return the digest of a module's state."""
    return digest_state(module.state_dict())


@cache
def wide_network() -> Network:
    """Return three 3 x 3 convolutions of 12, 24 and 40 filters, untrained."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        module = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1, bias=False),
            nn.BatchNorm2d(12),
            nn.ReLU(),
            nn.Conv2d(12, 24, 3, padding=1, bias=False),
            nn.BatchNorm2d(24),
            nn.ReLU(),
            nn.Conv2d(24, 40, 3, padding=1, bias=False),
            nn.BatchNorm2d(40),
            nn.ReLU(),
            nn.MaxPool2d(8),
            nn.Flatten(),
            nn.Linear(40, 2),
        )
    return from_module(
        module, input_shape=(1, 8, 8), name="wide", classes=("row", "column")
    )
