"""CIFAR-10's binary version: records inside a tar."""

from functools import cache
from pathlib import Path
from random import Random

import numpy as np

from tests.fuzz.mutations import damage
from tests.fuzz.tars import damaged_tar, tar_contents, tarred
from workbench.data.loading import load_dataset

SUFFIX = "-binary.tar.gz"


@cache
def seeds() -> tuple[bytes, ...]:
    random = np.random.default_rng(0)
    names = [*(f"data_batch_{index}.bin" for index in range(1, 6)), "test_batch.bin"]
    records = random.integers(0, 256, (len(names), 10, 3073)).astype(np.uint8)
    records[:, :, 0] = np.arange(10)
    found = zip(names, records, strict=True)
    return (tarred({f"cifar/{name}": part.tobytes() for name, part in found}),)


def mutate(rng: Random, data: bytes) -> bytes:
    found = tar_contents(data)
    if not found or rng.random() < 0.2:
        return damage(rng, data)
    if rng.random() < 0.5:
        return damaged_tar(rng, found)
    name = rng.choice(list(found))
    found[name] = damage(rng, found[name])
    return tarred(found)


def read(path: Path) -> object:
    return [load_dataset(path, split=split) for split in ("train", "test")]
