"""Small pictures, and the same ones with other sizes in their headers."""

import io
import struct
import zlib
from random import Random

import numpy as np
from PIL import Image

from tests.fuzz.mutations import damage, number


def picture(random: np.random.Generator, kind: str) -> bytes:
    """Return an encoded picture of 8 x 8 pixels."""
    room = io.BytesIO()
    pixels = random.integers(0, 256, (8, 8, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(room, kind)
    return room.getvalue()


def repainted(rng: Random, data: bytes) -> bytes:
    """Return a picture that claims other sizes or whose bytes are damaged."""
    if data[1:4] == b"PNG" and rng.random() < 0.7:
        return _png(rng, data)
    if data[:2] == b"BM" and rng.random() < 0.5:
        sizes = [number(rng, 8) % 2**32 for _ in range(2)]
        return data[:18] + struct.pack("<II", *sizes) + data[26:]
    return damage(rng, data)


def _png(rng: Random, data: bytes) -> bytes:
    """Return a PNG with another header chunk, its checksum made again."""
    sizes = [rng.choice([8, 20_000, number(rng, 8) % 2**32]) for _ in range(2)]
    head = b"IHDR" + struct.pack(">II", *sizes) + data[24:29]
    return data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:]
