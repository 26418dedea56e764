"""CIFAR-10's python archive: pickled batches inside a tar."""

import pickle
from functools import cache
from pathlib import Path
from random import Random

import numpy as np

from tests.fuzz.mutations import damage
from tests.fuzz.pickles import repickled
from tests.fuzz.tars import damaged_tar, tar_contents, tarred
from workbench.data.loading import load_dataset

SUFFIX = ".tar.gz"


def _batch(number: int, protocol: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (20, 3072))
    labels = [index % 10 for index in range(20)]
    content = {b"data": pixels.astype(np.uint8), b"labels": labels}
    return pickle.dumps(content, protocol)


@cache
def seeds() -> tuple[bytes, ...]:
    names = [*(f"data_batch_{index}" for index in range(1, 6)), "test_batch"]
    return tuple(
        tarred({f"cifar-10-batches-py/{n}": _batch(i, p) for i, n in enumerate(names)})
        for p in (2, 4)
    )


def mutate(rng: Random, data: bytes) -> bytes:
    found = tar_contents(data)
    if not found or rng.random() < 0.1:
        return damage(rng, data)
    if rng.random() < 0.2:
        return damaged_tar(rng, found)
    name = rng.choice(list(found))
    found[name] = repickled(rng, found[name])
    return tarred(found)


def read(path: Path) -> object:
    return [load_dataset(path, split=split) for split in ("train", "test")]
