"""Pickles with other arguments: opcodes stay, the values that they push change."""

import pickletools
import struct
from random import Random

from tests.fuzz.mutations import FLOATS, damage, number

_INTEGERS = {"BININT1": (b"K", 1), "BININT2": (b"M", 2), "BININT": (b"J", 4)}
_TEXTS = {"BINUNICODE": b"X", "SHORT_BINUNICODE": b"\x8c"}


def repickled(rng: Random, data: bytes) -> bytes:
    """Return a pickle with one to three arguments changed, or with damaged bytes."""
    if rng.random() < 0.15:
        return damage(rng, data)
    for _ in range(rng.choice([1, 1, 2, 3])):
        try:
            data = _changed(rng, data)
        except (ValueError, IndexError, struct.error, UnicodeDecodeError):
            return damage(rng, data)
    return data


def _changed(rng: Random, data: bytes) -> bytes:
    steps = list(pickletools.genops(data))
    last = steps[-1][2] + 1
    ends = [position for _, _, position in steps[1:]] + [last]
    kinds = (*_INTEGERS, *_TEXTS, "BINFLOAT", "NEWTRUE", "NEWFALSE", "NONE", "LONG1")
    places = [at for at, step in enumerate(steps) if step[0].name in kinds]
    if not places:
        return damage(rng, data)
    at = rng.choice(places)
    opcode, argument, start = steps[at]
    return data[:start] + _other(rng, opcode.name, argument) + data[ends[at] :]


def _other(rng: Random, name: str, old: object) -> bytes:
    if rng.random() < 0.15:
        return rng.choice([b"N", b"\x88", b"]", b"}", b")", _long(number(rng))])
    if isinstance(old, bool) or old is None:
        return rng.choice([b"N", b"\x88", b"\x89"])
    if isinstance(old, int):
        return _long(number(rng, old))
    if isinstance(old, float):
        return b"G" + struct.pack(">d", rng.choice(FLOATS))
    text = str(old)
    changed = rng.choice(["", text[:-1], text + "x", "0", "cuda:0", "FloatStorage"])
    raw = changed.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(raw)) + raw


def _long(value: int) -> bytes:
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw
