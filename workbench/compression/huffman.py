"""Canonical Huffman coding of small integers.

Belongs here: code lengths, codes, bits to symbols and back. Does not belong here:
the choice among coders (``streams``).

Source: Huffman 1952; canonical codes as in RFC 1951, section 3.2.2: only the lengths
of the codes are stored.
"""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

from workbench.errors import WorkbenchError

U8 = NDArray[np.uint8]
Ints = NDArray[np.int64]

LONGEST = 15
"""Bits of the longest code, so that a length fits into half a byte."""

BLOCK = 1 << 20
"""Symbols written, or bits read, at a time: bounds the memory."""


def code_lengths(counts: Ints) -> Ints:
    """Return the length of each symbol's code, 0 for a symbol that never occurs.

    Counts are evened out until no code is longer than ``LONGEST``.

    Parameters
    ----------
    counts : numpy.ndarray of int64, shape (alphabet,)

    Examples
    --------
    >>> code_lengths(np.array([5, 1, 1, 0])).tolist()
    [1, 2, 2, 0]
    """
    lengths = _lengths(counts)
    while lengths.max(initial=0) > LONGEST:
        counts = (counts + 1) // 2
        lengths = _lengths(counts)
    return lengths


def _lengths(counts: Ints) -> Ints:
    lengths = np.zeros(len(counts), dtype=np.int64)
    used = np.flatnonzero(counts)
    if len(used) == 1:
        lengths[used] = 1
        return lengths
    # (weight, tie breaker, symbols below): the tie breaker makes it deterministic.
    heap = [(int(counts[s]), int(s), [int(s)]) for s in used]
    heapq.heapify(heap)
    while len(heap) > 1:
        weight, order, below = heapq.heappop(heap)
        other, tie, beside = heapq.heappop(heap)
        both = below + beside
        lengths[both] += 1
        heapq.heappush(heap, (weight + other, min(order, tie), both))
    return lengths


def canonical_codes(lengths: Ints) -> Ints:
    """Return each symbol's code: rising with length, then with the symbol.

    Examples
    --------
    >>> canonical_codes(np.array([2, 1, 3, 3])).tolist()
    [2, 0, 6, 7]
    """
    codes = np.zeros(len(lengths), dtype=np.int64)
    code = before = 0
    for symbol in sorted(np.flatnonzero(lengths), key=lambda s: (lengths[s], s)):
        code <<= int(lengths[symbol]) - before
        codes[symbol] = code
        before = int(lengths[symbol])
        code += 1
    return codes


def encode(symbols: U8, lengths: Ints) -> bytes:
    """Return the codes of the symbols one after the other, high bits first."""
    codes = canonical_codes(lengths)
    blocks = [
        _bits_of(symbols[start : start + BLOCK], codes, lengths)
        for start in range(0, len(symbols), BLOCK)
    ]
    return np.packbits(np.concatenate([np.zeros(0, np.uint8), *blocks])).tobytes()


def _bits_of(symbols: U8, codes: Ints, lengths: Ints) -> U8:
    sizes = lengths[symbols]
    ends = np.cumsum(sizes)
    # Bit number b of a code of n bits is its bit n - 1 - b.
    within = np.arange(int(ends[-1])) - np.repeat(ends - sizes, sizes)
    shift = np.repeat(sizes, sizes) - 1 - within
    bits = (np.repeat(codes[symbols], sizes) >> shift) & 1
    return bits.astype(np.uint8)


def decode(data: bytes, lengths: Ints, count: int) -> U8:
    """Return ``count`` symbols.

    Parameters
    ----------
    data : bytes
        What ``encode`` returned.
    lengths : numpy.ndarray of int64, shape (alphabet,)
    count : int

    Raises
    ------
    WorkbenchError
        Lengths of no prefix code, or bits that end too early.
    """
    used = lengths[lengths > 0]
    if count and (not len(used) or float((0.5**used).sum()) > 1):
        raise _damaged("code lengths that no prefix code has")
    bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8))
    padded = np.concatenate([bits, np.zeros(LONGEST, np.uint8)])
    symbol, step = _tables(lengths)
    found, at, done = np.zeros(count, dtype=np.uint8), 0, 0
    for start in range(0, len(bits), BLOCK):
        window = _windows(padded[start : start + BLOCK + LONGEST])
        steps: list[int] = step[window].tolist()
        places: list[int] = []
        here = at - start
        while here < len(steps) and done + len(places) < count:
            if not steps[here]:
                raise _damaged(f"bits of no code after {done + len(places)} symbols")
            places.append(here)
            here += steps[here]
        found[done : done + len(places)] = symbol[window[places]]
        done, at = done + len(places), start + here
    # What follows must be the rest of the last byte.
    if done < count or not 0 <= len(bits) - at < 8:
        raise _damaged(f"{len(bits)} bits, which hold {done} symbols of {count}")
    return found


def _windows(bits: U8) -> NDArray[np.uint16]:
    """Return the ``LONGEST`` bits that start at each bit, the first one highest."""
    size = len(bits) - LONGEST
    window = np.zeros(size, dtype=np.uint16)
    for place in range(LONGEST):
        window <<= 1
        window |= bits[place : place + size]
    return window


def _tables(lengths: Ints) -> tuple[U8, Ints]:
    """Return the symbol and its length for every window of ``LONGEST`` bits."""
    symbol = np.zeros(1 << LONGEST, dtype=np.uint8)
    step = np.zeros(1 << LONGEST, dtype=np.int64)
    for value, code in enumerate(canonical_codes(lengths).tolist()):
        size = int(lengths[value])
        if size:
            start = code << (LONGEST - size)
            stop = start + (1 << (LONGEST - size))
            symbol[start:stop], step[start:stop] = value, size
    return symbol, step


def _damaged(found: str) -> WorkbenchError:
    return WorkbenchError(
        found, "whole Huffman codes", "The file is damaged: fetch or export it again."
    )
