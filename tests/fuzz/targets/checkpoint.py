"""Training checkpoints: read, and a run continued from them."""

import io
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn

from tests.fuzz.targets.pt import mutate as mutate_state
from workbench.data.dataset import Dataset, make_dataset
from workbench.training.loop.fit import fit
from workbench.training.loop.options import FitOptions

SUFFIX = ".ckpt"
OPTIONS = FitOptions(epochs=1, batch_size=4, peak_lr=0.01, ema=0.5)


@cache
def _data() -> Dataset:
    return make_dataset(
        "tiny",
        "train",
        images=np.arange(64, dtype=np.uint8).reshape(4, 1, 4, 4),
        labels=np.array([0, 1, 0, 1]),
        classes=("a", "b"),
        norm=((0.5,), (0.5,)),
    )


def _network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2)
    )


@cache
def seeds() -> tuple[bytes, ...]:
    with TemporaryDirectory() as folder:
        path = Path(folder, "run.ckpt")
        fit(_network(), _data(), options=OPTIONS, checkpoint=path)
        content = torch.load(path, weights_only=True)
    # What differs from run to run; the file must be the same each time.
    for log in content["history"]:
        log["seconds"], log["images_per_s"] = 1.0, 4.0
    room = io.BytesIO()
    torch.save(content, room)
    return (room.getvalue(),)


def mutate(rng: Random, data: bytes) -> bytes:
    return mutate_state(rng, data)


def read(path: Path) -> object:
    return fit(_network(), _data(), options=OPTIONS, checkpoint=path)
