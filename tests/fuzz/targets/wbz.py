"""Compressed weights with right checksums: header records and coded sections."""

import json
import struct
import zlib
from functools import cache
from hashlib import sha256
from pathlib import Path
from random import Random

import numpy as np
import torch

from tests.fuzz.mutations import damage, json_bytes, tree
from tests.support.small_networks import exported
from workbench.compression.palette import Palette
from workbench.compression.tensors import CHOICES, Coding
from workbench.compression.wbz import read_wbz, to_wbz

SUFFIX = ".wbz"
_START, _DIGEST = 8, 32


@cache
def seeds() -> tuple[bytes, ...]:
    codes = np.random.default_rng(0).integers(0, 4, (6, 8)).astype(np.uint8)
    pruned = Palette(np.array([0, -1.5, 2, 3], np.float32), codes, True)
    dense = Palette(np.array([1, -1.5, 2, 3], np.float32), codes, False)
    state = {
        "a.weight": torch.from_numpy(pruned.weight()),
        "b.weight": torch.from_numpy(dense.weight()),
        "c.weight": torch.eye(5),
        "c.bias": torch.arange(3),
        "none": torch.zeros(0, 4),
    }
    palettes = {"a": pruned, "b": dense}
    small = [
        to_wbz(state, palettes, facts={"model": "x"}, coding=Coding(choice)).data
        for choice in CHOICES
    ]
    return exported("wbz"), *small


def mutate(rng: Random, data: bytes) -> bytes:
    if rng.random() < 0.05:
        return damage(rng, data)
    try:
        (length,) = struct.unpack("<I", data[4:_START])
        header = json.loads(zlib.decompress(data[_START : _START + length]))
    except (zlib.error, ValueError, RecursionError, struct.error):
        return damage(rng, data)
    sections = data[_START + length : -_DIGEST]
    if rng.random() < 0.3:
        sections, header = _other_sections(rng, sections, header)
    else:
        header = tree(rng, header)
    packed = zlib.compress(json_bytes(rng, header), 1)
    body = data[:4] + struct.pack("<I", len(packed)) + packed + sections
    return body + sha256(body).digest()


def _other_sections(
    rng: Random, sections: bytes, header: object
) -> tuple[bytes, object]:
    """Change one section's bytes and, mostly, its length in the header to fit."""
    sizes = header.get("sections") if isinstance(header, dict) else None
    if not isinstance(sizes, list) or not sizes:
        return damage(rng, sections), header
    if not all(isinstance(size, int) and 0 <= size <= len(sections) for size in sizes):
        return damage(rng, sections), header
    at = rng.randrange(len(sizes))
    start = sum(sizes[:at])
    changed = damage(rng, sections[start : start + sizes[at]])
    whole = sections[:start] + changed + sections[start + sizes[at] :]
    if rng.random() < 0.9:
        sizes = [*sizes[:at], len(changed), *sizes[at + 1 :]]
    return whole, {**header, "sections": sizes}


def read(path: Path) -> object:
    found = read_wbz(path)
    for name, palette in found.palettes.items():
        assert found.state[f"{name}.weight"].shape == palette.codes.shape
    return found
