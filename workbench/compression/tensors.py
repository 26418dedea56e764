"""One tensor of a `.wbz` file: as it is, sparse, or by its palette.

Belongs here: a tensor to a record (for the header) and sections, and back. Does not
belong here: the file around them (``container``), the coders (``streams``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal, get_args

import numpy as np

from workbench.compression.container import DamagedWbzError
from workbench.compression.gaps import best_width, entropy_bits, to_gaps, to_positions
from workbench.compression.palette import F32, MOST_BITS, U8, Palette
from workbench.compression.streams import CODERS, Coder, decode, encode
from workbench.errors import WorkbenchError

Choice = Literal["fixed", "huffman", "ans", "smallest"]
CHOICES: tuple[str, ...] = get_args(Choice)

LARGEST = 1 << 28
"""Weights that a file may ask for: twice those of VGG-16 with its linear layers."""


@dataclass(frozen=True)
class Coding:
    """How streams are coded.

    Parameters
    ----------
    coder : {"fixed", "huffman", "ans", "smallest"}
        For codes and gaps; "smallest" takes, stream by stream, what gives the fewest
        bytes, and codes the zeros as one more symbol where that beats gaps.
    gap_bits : int or None
        Bits of a gap, 1..8; None takes the best for each layer.
    """

    coder: Choice = "smallest"
    gap_bits: int | None = None

    def __post_init__(self) -> None:
        if self.coder not in CHOICES:
            raise WorkbenchError(
                f"coder {self.coder!r}",
                "one of " + ", ".join(CHOICES),
                "Use smallest if in doubt.",
            )
        if self.gap_bits is not None and not 1 <= self.gap_bits <= 8:
            raise WorkbenchError(
                f"gaps of {self.gap_bits} bits",
                "1 to 8",
                "Leave it out to take the best for each layer.",
            )


@dataclass(frozen=True)
class Packed:
    """A record of the header and the sections that belong to it.

    ``weights`` are bytes of values or codes, ``places`` of gaps, ``tables`` of the
    codebook; a sum over layers gives the shares of a file.
    """

    record: dict[str, Any]
    sections: tuple[bytes, ...]
    tables: int = 0
    weights: int = 0
    places: int = 0


def pack_raw(data: bytes, record: dict[str, Any]) -> Packed:
    """Return a tensor stored as its own bytes."""
    return Packed({**record, "as": "raw"}, (data,), weights=len(data))


def pack_sparse(values: F32, record: dict[str, Any], coding: Coding) -> Packed:
    """Return a pruned tensor: its kept values in full and where they are."""
    flat = values.reshape(-1)
    positions = np.flatnonzero(flat)
    bits = coding.gap_bits or best_width(
        positions, 32.0, entropy=coding.coder != "fixed"
    )
    gaps, real = to_gaps(positions, bits)
    full = np.zeros(len(gaps), np.float32)
    full[real] = flat[positions]
    places, stream = _smallest(gaps, 1 << bits, coding.coder)
    return Packed(
        {**record, "as": "sparse", "g": bits, "n": len(gaps), "p": places},
        (full.astype("<f4").tobytes(), stream),
        weights=4 * len(full),
        places=len(stream),
    )


def pack_palette(palette: Palette, record: dict[str, Any], coding: Coding) -> Packed:
    """Return a tensor stored as codebook, codes and, where it is pruned, gaps."""
    book = palette.live.astype("<f4").tobytes()
    head = {**record, "as": "palette", "k": len(palette.codebook)}
    if not palette.pruned:
        return _pack_dense(palette, head, book, coding)
    gapped = _pack_gapped(palette, head, book, coding)
    if coding.coder != "smallest":
        return gapped
    dense = _pack_dense(palette, head, book, coding)
    return min(gapped, dense, key=lambda packed: sum(map(len, packed.sections)))


def _pack_dense(
    palette: Palette, head: dict[str, Any], book: bytes, coding: Coding
) -> Packed:
    count = len(palette.codebook)
    coder, stream = _smallest(palette.codes.reshape(-1), count, coding.coder)
    record = {**head, "c": coder, "z": int(palette.pruned)}
    return Packed(record, (book, stream), tables=len(book), weights=len(stream))


def _pack_gapped(
    palette: Palette, head: dict[str, Any], book: bytes, coding: Coding
) -> Packed:
    flat, count = palette.codes.reshape(-1), len(palette.codebook)
    positions = np.flatnonzero(flat)
    entropy = coding.coder != "fixed"
    each = float(palette.bits)
    if entropy and len(positions):
        each = entropy_bits(np.bincount(flat[positions])) / len(positions)
    bits = coding.gap_bits or best_width(positions, each, entropy=entropy)
    gaps, real = to_gaps(positions, bits)
    codes = np.zeros(len(gaps), np.uint8)
    codes[real] = flat[positions]
    coder, stream = _smallest(codes, count, coding.coder)
    place_coder, places = _smallest(gaps, 1 << bits, coding.coder)
    return Packed(
        {**head, "c": coder, "z": 1, "g": bits, "n": len(gaps), "p": place_coder},
        (book, stream, places),
        tables=len(book),
        weights=len(stream),
        places=len(places),
    )


def _smallest(symbols: U8, alphabet: int, choice: Choice) -> tuple[Coder, bytes]:
    coders = CODERS if choice == "smallest" else (choice,)
    streams = [(coder, encode(symbols, alphabet, coder)) for coder in coders]
    return min(streams, key=lambda pair: len(pair[1]))


def unpack(record: dict[str, Any], sections: Iterator[bytes]) -> bytes | Palette | F32:
    """Return what a record describes: raw bytes, kept values or a palette.

    Parameters
    ----------
    record : dict
        From the header.
    sections : iterator of bytes
        The file's sections, at the first one of this record.

    Raises
    ------
    WorkbenchError
        A record that does not fit its sections.
    """
    shape: Sequence[int] = record["shape"]
    size = size_of(record)
    kind = record["as"]
    if kind == "raw":
        return next(sections)
    if kind == "sparse":
        values = _floats(next(sections))
        positions = _positions(record, next(sections), size)
        if len(values) != len(positions):
            raise DamagedWbzError(f"{len(values)} values at {len(positions)} places")
        weight = np.zeros(size, np.float32)
        weight[positions] = values
        return weight.reshape(shape)
    if kind != "palette":
        raise DamagedWbzError(f"a tensor stored as {kind!r}")
    return _palette(record, sections, size).reshape(shape)


def size_of(record: dict[str, Any]) -> int:
    """Return the number of values that a record promises.

    Raises
    ------
    DamagedWbzError
        A shape that is none, or too large; widths of codes that do not exist.
    """
    shape = record["shape"]
    if not isinstance(shape, list) or not all(
        type(side) is int and 0 <= side <= LARGEST for side in shape
    ):
        raise DamagedWbzError(f"a tensor of shape {shape!r}")
    if prod(shape) > LARGEST:
        raise DamagedWbzError(f"a tensor of shape {shape!r}")
    bits, count = record.get("g", 1), record.get("k", 1)
    if type(bits) is not int or type(count) is not int:
        raise DamagedWbzError(f"gaps of {bits!r} bits, {count!r} shared values")
    if not (1 <= bits <= 8 and 1 <= count <= 1 << MOST_BITS):
        raise DamagedWbzError(f"gaps of {bits} bits, {count} shared values")
    return prod(shape)


@dataclass(frozen=True)
class _Flat:
    """A palette whose codes are still in one row."""

    codebook: F32
    codes: U8
    pruned: bool

    def reshape(self, shape: Sequence[int]) -> Palette:
        return Palette(self.codebook, self.codes.reshape(shape), self.pruned)


def _palette(record: dict[str, Any], sections: Iterator[bytes], size: int) -> _Flat:
    pruned, count = bool(record["z"]), int(record["k"])
    book = _floats(next(sections))
    if len(book) != count - pruned:
        raise DamagedWbzError(f"{len(book)} shared values of {count}")
    if pruned:
        book = np.concatenate([np.zeros(1, np.float32), book])
    stream = next(sections)
    if "g" not in record:
        return _Flat(book, decode(stream, count, size, record["c"]), pruned)
    positions = _positions(record, next(sections), size)
    codes = np.zeros(size, np.uint8)
    codes[positions] = decode(stream, count, len(positions), record["c"])
    return _Flat(book, codes, pruned)


def _positions(
    record: dict[str, Any], stream: bytes, size: int
) -> np.ndarray[Any, np.dtype[np.int64]]:
    if not 0 <= record["n"] <= size:
        raise DamagedWbzError(f"{record['n']} entries of a layer of {size}")
    gaps = decode(stream, 1 << record["g"], record["n"], record["p"])
    return to_positions(gaps, size)


def _floats(data: bytes) -> F32:
    if len(data) % 4:
        raise DamagedWbzError(f"{len(data)} bytes of float32 values")
    return np.frombuffer(data, dtype="<f4").astype(np.float32)
