"""Files out of a tar archive, by their bare names.

Belongs here: reading members into memory; nothing is unpacked onto the disk. Does not
belong here: what the members mean (the format modules).
"""

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any

from workbench.data.limits import MOST_ARCHIVE_BYTES, MOST_MEMBER_BYTES
from workbench.reading import open_regular

_OPENERS: tuple[tuple[bytes, Callable[..., Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ", lzma.open),
    (b"", nullcontext),
)


def tar_members(path: Path, names: tuple[str, ...]) -> list[bytes]:
    """Return the content of each named member, whatever directory it lies in.

    Raises
    ------
    KeyError, OSError, tarfile.TarError
        If a member is missing, the archive is damaged, or it unpacks to more than the
        limits of ``limits``.
    """
    found: dict[str, bytes] = {}
    with (
        _unpacking(path) as stream,
        tarfile.open(fileobj=_Bounded(stream), mode="r:") as archive,
    ):
        while (member := archive.next()) is not None:
            if member.offset_data + member.size > MOST_ARCHIVE_BYTES:
                raise tarfile.ReadError("it unpacks to too much")
            name = member.name.rpartition("/")[2]
            if name not in names or not member.isfile():
                continue
            if member.issparse() or member.size > MOST_MEMBER_BYTES:
                raise tarfile.ReadError(f"{name} claims {member.size:,} bytes")
            content = archive.extractfile(member)
            found[name] = content.read() if content is not None else b""
    missing = [name for name in names if name not in found]
    if missing:
        raise KeyError(f"no {missing[0]}")
    return [found[name] for name in names]


def read_bounded(path: Path) -> bytes:
    """Return the content of a file that is no larger than a member may be.

    Raises
    ------
    OSError
        It cannot be read, or is larger.
    """
    with open_regular(path) as file:
        content = file.read(MOST_MEMBER_BYTES + 1)
    if len(content) > MOST_MEMBER_BYTES:
        raise OSError(f"{path.name} has more than {MOST_MEMBER_BYTES:,} bytes")
    return content


@contextmanager
def _unpacking(path: Path) -> Iterator[IO[bytes]]:
    with open_regular(path) as file:
        start = file.read(8)
        file.seek(0)
        opener = next(one for magic, one in _OPENERS if start.startswith(magic))
        with opener(file) as stream:
            yield stream


class _Bounded(io.RawIOBase):
    """A stream that refuses reads of what no archive of ours holds in one piece.

    The size of a member's long name is believed by ``tarfile``.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream = stream

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""
        if not 0 <= size <= MOST_MEMBER_BYTES:
            raise tarfile.ReadError(f"a piece of {size:,} bytes")
        return self._stream.read(size)

    def seek(self, place: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place, which takes time in proportion to it."""
        if whence != io.SEEK_SET or not 0 <= place <= MOST_ARCHIVE_BYTES:
            raise tarfile.ReadError("a place outside of the archive")
        return self._stream.seek(place)

    def tell(self) -> int:
        """Return the place."""
        return self._stream.tell()
