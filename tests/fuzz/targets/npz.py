"""User data as `.npz`: arrays whose headers must fit their bytes."""

import ast
import io
from functools import cache
from pathlib import Path
from random import Random

import numpy as np

from tests.fuzz.mutations import damage, tree
from tests.fuzz.zips import members, rezipped
from workbench.data.loading import load_dataset

SUFFIX = ".npz"
_MAGIC_BYTES = 10


def _npz(**arrays: object) -> bytes:
    room = io.BytesIO()
    np.savez(room, **arrays)  # type: ignore[arg-type]
    return room.getvalue()


@cache
def seeds() -> tuple[bytes, ...]:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (20, 6, 6, 3)).astype(np.uint8)
    labels = np.arange(20) % 2
    parts = {
        f"{p}_{k}": v
        for p in ("train", "test")
        for k, v in (("x", images[..., 0]), ("y", labels.astype(np.uint8)))
    }
    names = np.array(["cat", "dog"])
    return _npz(images=images, labels=labels, classes=names), _npz(**parts)


def mutate(rng: Random, data: bytes) -> bytes:
    found = members(data)
    if not found or rng.random() < 0.2:
        return damage(rng, data)
    name = rng.choice(list(found))
    found[name] = _other_header(rng, found[name])
    return rezipped(rng, found)


def _other_header(rng: Random, array: bytes) -> bytes:
    length = int.from_bytes(array[8:_MAGIC_BYTES], "little")
    stop = _MAGIC_BYTES + length
    if rng.random() < 0.2:
        return damage(rng, array)
    try:
        header = ast.literal_eval(array[_MAGIC_BYTES:stop].decode())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return damage(rng, array)
    if rng.random() < 0.4 and isinstance(header, dict) and "descr" in header:
        types = ["<f8", "|O", "<U9", "|u1", ">i4", "|S0", "<M8[ns]", "|V8", "|b1"]
        header = {**header, "descr": rng.choice(types)}
    else:
        header = tree(rng, header)
    text = repr(header).encode("utf-8", "replace")
    text += b" " * (-(len(text) + _MAGIC_BYTES + 1) % 64) + b"\n"
    head = array[:8] + (len(text) % 65536).to_bytes(2, "little")
    return head + text + array[stop:]


def read(path: Path) -> object:
    return [load_dataset(path, split=split) for split in ("train", "test")]
