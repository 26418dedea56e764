"""The file around compressed tensors: header, sections, checksum.

Belongs here: bytes in, bytes out, and whether they are whole. Does not belong here:
what the sections mean (``wbz``).

Layout: magic (4 bytes), length of the header (4 bytes, little endian), header (JSON,
deflated), sections one after the other, SHA-256 of everything before (32 bytes).
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.errors import WorkbenchError

MAGIC = b"WBZ1"
_SIZE = struct.Struct("<I")
_DIGEST = 32
HEADER_LIMIT = 1 << 26
"""Bytes of a header that is still read: a thousand times the largest sample's."""

_FREE_HEADER, _HEADER_RATIO = 1 << 20, 100
# A header of many equal layers packs to a thirtieth.


class DamagedWbzError(WorkbenchError):
    """A file that is no whole `.wbz`."""

    def __init__(self, found: str) -> None:
        super().__init__(
            found, "a whole .wbz file", "Fetch the file again, or compress again."
        )


def join(header: Mapping[str, Any], sections: Sequence[bytes]) -> bytes:
    """Return the bytes of a file.

    Parameters
    ----------
    header : mapping
        Anything JSON holds; the lengths of the sections are added as ``"sections"``.
    sections : sequence of bytes
    """
    facts = {**header, "sections": [len(section) for section in sections]}
    text = json.dumps(facts, separators=(",", ":"), sort_keys=True).encode()
    packed = zlib.compress(text, 9)
    body = b"".join((MAGIC, _SIZE.pack(len(packed)), packed, *sections))
    return body + hashlib.sha256(body).digest()


def split(data: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """Return the header and the sections of a file.

    Raises
    ------
    DamagedWbzError
        Another kind of file, or one that was changed or cut off.
    """
    if data[: len(MAGIC)] != MAGIC:
        raise DamagedWbzError(f"bytes that begin with {bytes(data[:4])!r}")
    body, digest = data[:-_DIGEST], data[-_DIGEST:]
    if hashlib.sha256(body).digest() != digest:
        raise DamagedWbzError("a checksum that does not fit: changed or cut off")
    start = len(MAGIC) + _SIZE.size
    if len(body) < start:
        raise DamagedWbzError(f"{len(data)} bytes, too few for a header")
    (length,) = _SIZE.unpack(body[len(MAGIC) : start])
    header = _header(body[start : start + length])
    sizes = header["sections"]
    at, sections = start + length, []
    for size in sizes:
        sections.append(body[at : at + size])
        at += size
    if at != len(body):
        raise DamagedWbzError(f"{len(body)} bytes where the header promises {at}")
    return header, sections


def _header(packed: bytes) -> dict[str, Any]:
    inflate = zlib.decompressobj()
    try:
        most = max(_FREE_HEADER, _HEADER_RATIO * len(packed))
        text = inflate.decompress(packed, min(HEADER_LIMIT, most))
        header: dict[str, Any] = json.loads(text)
    except (zlib.error, ValueError, RecursionError) as error:
        raise DamagedWbzError(f"a header that cannot be read ({error})") from error
    sizes = header.get("sections") if isinstance(header, dict) else None
    if not isinstance(sizes, list) or not all(
        isinstance(size, int) and size >= 0 for size in sizes
    ):
        raise DamagedWbzError("a header without the sizes of its sections")
    return header
