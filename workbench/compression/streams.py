"""Streams of small integers in the fewest bytes: fixed width, Huffman or ANS.

Belongs here: the coders behind one pair of functions, each with its own table inside
the bytes. Does not belong here: what the symbols mean (``wbz``).

Source: Huffman as in Deep Compression (Han 2016, section 4); asymmetric numeral
systems (Duda 2013) through the package ``constriction``.
"""

from __future__ import annotations

from typing import Literal, get_args

import constriction
import numpy as np
from numpy.typing import NDArray

from workbench.compression import huffman
from workbench.errors import WorkbenchError

U8 = NDArray[np.uint8]

Coder = Literal["fixed", "huffman", "ans"]
CODERS: tuple[Coder, ...] = get_args(Coder)

_TOTAL = 1 << 12
"""What the stored frequencies of ANS add up to, about."""


def encode(symbols: U8, alphabet: int, coder: Coder) -> bytes:
    """Return the symbols as bytes, the coder's table in front.

    Parameters
    ----------
    symbols : numpy.ndarray of uint8, shape (n,)
        Each below ``alphabet``.
    alphabet : int
        1..256; the reader knows it, as it knows n.
    coder : {"fixed", "huffman", "ans"}

    Examples
    --------
    >>> symbols = np.array([0, 0, 0, 0, 0, 0, 1, 3], np.uint8)
    >>> [len(encode(symbols, 4, coder)) for coder in CODERS]
    [2, 4, 11]
    """
    if len(symbols) == 0 or alphabet < 2:
        return b""
    if coder == "fixed":
        return _pack(symbols, _width(alphabet))
    counts = np.bincount(symbols, minlength=alphabet)
    if coder == "huffman":
        lengths = huffman.code_lengths(counts)
        return _pack(lengths.astype(np.uint8), 4) + huffman.encode(symbols, lengths)
    frequencies = np.where(counts, np.maximum(1, counts * _TOTAL // counts.sum()), 0)
    stack = constriction.stream.stack.AnsCoder()
    stack.encode_reverse(symbols.astype(np.int32), _model(frequencies))
    words: bytes = stack.get_compressed().astype("<u4").tobytes()
    return _frequencies_out(frequencies) + words


def decode(data: bytes, alphabet: int, count: int, coder: str) -> U8:
    """Return the ``count`` symbols that ``encode`` was given.

    Raises
    ------
    WorkbenchError
        An unknown coder, or bytes that do not hold so many symbols.
    """
    if count == 0 or alphabet < 2:
        if data:
            raise _damaged(f"{len(data)} bytes where none are needed")
        return np.zeros(count, dtype=np.uint8)
    if coder == "fixed":
        return _checked(_unpack(data, _width(alphabet), count), alphabet)
    if coder == "huffman":
        table = (alphabet + 1) // 2
        lengths = _unpack(data[:table], 4, alphabet).astype(np.int64)
        return huffman.decode(data[table:], lengths, count)
    if coder != "ans":
        raise WorkbenchError(
            f"coder {coder!r}",
            "one of " + ", ".join(CODERS),
            "The file was written by a newer version: update the workbench.",
        )
    frequencies, rest = _frequencies_in(data, alphabet)
    if len(rest) % 4:
        raise _damaged(f"{len(rest)} bytes of ANS words")
    words = np.frombuffer(rest, dtype="<u4").astype(np.uint32)
    try:
        stack = constriction.stream.stack.AnsCoder(words)
        found = stack.decode(_model(frequencies), count)
    except (ValueError, AssertionError) as error:
        raise _damaged(f"ANS words that cannot be read ({error})") from error
    if not stack.is_empty():
        raise _damaged("ANS words left over after the last symbol")
    return np.asarray(found, dtype=np.uint8)


def _model(frequencies: NDArray[np.int64]) -> constriction.stream.model.Categorical:
    shares = frequencies / frequencies.sum()
    return constriction.stream.model.Categorical(shares, perfect=False)


def _frequencies_out(frequencies: NDArray[np.int64]) -> bytes:
    """Return numbers as bytes, seven bits each, the high bit where more follow."""
    out = bytearray()
    for value in frequencies.tolist():
        while value >= 0x80:
            out.append(value & 0x7F | 0x80)
            value >>= 7
        out.append(value)
    return bytes(out)


def _frequencies_in(data: bytes, alphabet: int) -> tuple[NDArray[np.int64], bytes]:
    values, at = np.zeros(alphabet, dtype=np.int64), 0
    for symbol in range(alphabet):
        shift = 0
        while True:
            if at >= len(data) or shift > 14:
                raise _damaged("a cut table of frequencies")
            byte = data[at]
            at += 1
            values[symbol] |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
    if not values.any():
        raise _damaged("a table of frequencies that are all zero")
    return values, data[at:]


def _width(alphabet: int) -> int:
    return max(1, (alphabet - 1).bit_length())


def _pack(values: U8, width: int) -> bytes:
    bits = np.unpackbits(values[:, None], axis=1)[:, 8 - width :]
    return np.packbits(bits.reshape(-1)).tobytes()


def _unpack(data: bytes, width: int, count: int) -> U8:
    if len(data) != (width * count + 7) // 8:
        raise _damaged(f"{len(data)} bytes for {count} values of {width} bits")
    bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8))[: width * count]
    wide = np.zeros((count, 8), dtype=np.uint8)
    wide[:, 8 - width :] = bits.reshape(count, width)
    return np.packbits(wide, axis=1)[:, 0]


def _checked(symbols: U8, alphabet: int) -> U8:
    if symbols.size and int(symbols.max()) >= alphabet:
        raise _damaged(f"symbol {int(symbols.max())} of {alphabet}")
    return symbols


def _damaged(found: str) -> WorkbenchError:
    return WorkbenchError(
        found, "a whole stream", "The file is damaged: fetch or export it again."
    )
