"""A folder of pictures, one folder a class; as one file, a zip of it."""

import io
import zipfile
from functools import cache
from pathlib import Path
from random import Random
from shutil import rmtree

import numpy as np

from tests.fuzz.pictures import picture, repainted
from tests.fuzz.zips import members
from workbench.data.loading import load_dataset

SUFFIX = ".zip"
_KINDS = {"png": "PNG", "jpg": "JPEG", "bmp": "BMP", "webp": "WEBP", "tif": "TIFF"}


def _zip(found: dict[str, bytes]) -> bytes:
    room = io.BytesIO()
    with zipfile.ZipFile(room, "w") as archive:
        for name, data in found.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return room.getvalue()


@cache
def seeds() -> tuple[bytes, ...]:
    random = np.random.default_rng(0)
    found = {
        f"{label}/{index}.{suffix}": picture(random, kind)
        for label in ("cat", "dog")
        for index in range(3)
        for suffix, kind in _KINDS.items()
    }
    parts = {f"{part}/{n}": d for part in ("train", "test") for n, d in found.items()}
    return _zip(found), _zip(parts)


def mutate(rng: Random, data: bytes) -> bytes:
    found = members(data)
    name, kind = rng.choice(list(found)), rng.random()
    if kind < 0.7:
        found[name] = repainted(rng, found[name])
    elif kind < 0.8:
        found[name] = rng.choice([b"", b"text", found[rng.choice(list(found))]])
    else:
        home = name.rpartition("/")[0]
        other = rng.choice([f"{home}/x.png", f"{home}/z/a.png", "x.png", "é/é.png"])
        found[other] = found.pop(name)
    return _zip(found)


def read(path: Path) -> object:
    folder = path.with_suffix("")
    rmtree(folder, ignore_errors=True)
    for name, data in members(path.read_bytes()).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return load_dataset(folder)
