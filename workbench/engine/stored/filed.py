"""Weights that stay in their file: read when asked for, forgotten when packed.

Belongs here: reading sections of an open file into memory of their own, each time
against their checksum, and letting go of them once a kernel has packed what it needs.
Nothing is mapped: whoever overwrites or cuts the file makes a later read fail by name,
and cannot take pages from under a running program. Does not belong here: the file
format (`file`).
"""

import hashlib
import os
import threading
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import WorkbenchError
from workbench.reading import open_handle

Held = NDArray[Any]
U8 = NDArray[np.uint8]

ALIGN = 64
"""Sections start at multiples of so many bytes; zeros stand between them."""

NUMBERS: Mapping[str, np.dtype[Any]] = {
    "uint8": np.dtype(np.uint8),
    "dense": np.dtype("<f4"),
    "bitmask": np.dtype("<f4"),
}
"""Encodings of a section, and the type of its elements."""

_WIDTHS = {"uint8": 1, "dense": 4}


class ProgramFileError(WorkbenchError):
    """A `.wbp` file that is damaged, truncated, foreign or too new."""


class Source:
    """An open file that is read in pieces, from any thread.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ProgramFileError
        It cannot be opened.

    Notes
    -----
    A file that is renamed or deleted meanwhile stays readable.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        try:
            self._file = open_handle(path)
        except OSError as error:
            raise self._unreadable(error) from error
        weakref.finalize(self, os.close, self._file)

    @property
    def size(self) -> int:
        """Bytes of the file as it is now."""
        return os.fstat(self._file).st_size

    def read(self, start: int, count: int) -> U8:
        """Return ``count`` bytes from ``start``, or as many as there are.

        No more memory is taken than the file has bytes.
        """
        count = max(0, min(count, self.size - start))
        room = np.empty(count, np.uint8)
        done = 0
        while done < count:
            try:
                some = os.preadv(self._file, [room[done:].data], start + done)
            except OSError as error:
                raise self._unreadable(error) from error
            if not some:
                break
            done += some
        return room[:done]

    def _unreadable(self, error: OSError) -> ProgramFileError:
        return ProgramFileError(
            f"{self.name} cannot be read ({error.strerror})",
            "a readable .wbp program",
            "Check the path and its permissions.",
        )


@dataclass(eq=False)
class Latest(threading.local):
    """What a thread read last: kernels ask for it several times in a row."""

    section: "Section | None" = None
    raw: U8 | None = None
    array: Held | None = None


@dataclass(frozen=True, eq=False)
class Section:
    """One array in a file.

    Parameters
    ----------
    source : Source
    start, count : int
        Its first byte and its bytes.
    encoding : str
        ``uint8``, ``dense`` (float32) or ``bitmask``: a bit an element, then the
        elements that are not zero.
    shape : tuple of int
    digest : str
        SHA-256 of the bytes.
    latest : Latest
        Shared by the sections of a file.
    """

    source: Source
    start: int
    count: int
    encoding: str
    shape: tuple[int, ...]
    digest: str
    latest: Latest
    _seen: list[bool] = field(default_factory=list)

    @property
    def kind(self) -> np.dtype[Any]:
        """Type of the elements."""
        return NUMBERS[self.encoding]

    @property
    def size(self) -> int:
        """Elements."""
        return prod(self.shape)

    @property
    def seen(self) -> bool:
        """Whether its bytes were ever read, and so checked."""
        return bool(self._seen)

    @property
    def fits(self) -> bool:
        """Whether the bytes can hold the shape; of a bitmask only when it is read."""
        if self.encoding == "bitmask":
            values = self.count - -(-self.size // 8)
            return 0 <= values <= 4 * self.size and values % 4 == 0
        return self.count == self.size * _WIDTHS[self.encoding]

    def read(self) -> Held:
        """Return the array.

        Raises
        ------
        ProgramFileError
            The bytes are not those that were written.
        """
        if self.encoding != "bitmask":
            return self.raw().view(self.kind).reshape(self.shape)
        where, values = self.nonzeros()
        array = np.zeros(self.size, np.float32)
        array[where] = values
        return array.reshape(self.shape)

    def nonzeros(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the places of the elements that a bitmask keeps, and these."""
        raw, mask_bytes = self.raw(), -(-self.size // 8)
        bits = np.unpackbits(raw[:mask_bytes], bitorder="little")
        where = np.flatnonzero(bits.view(np.bool_))
        values = np.require(raw[mask_bytes:].view("<f4"), requirements="A")
        if where.size != values.size or (where.size and where[-1] >= self.size):
            raise ProgramFileError(
                f"{self.source.name} has a mask of {where.size} ones for "
                f"{values.size} weights (section at {self.start})",
                "as many weights as ones, within the shape",
                "Save the program again: its writer was wrong.",
            )
        return where, values

    def raw(self) -> U8:
        """Return the bytes, read-only, once they match the checksum."""
        if self.latest.section is self and self.latest.raw is not None:
            return self.latest.raw
        self.latest.section = None
        whole = self.source.read(self.start, self.count + -self.count % ALIGN)
        raw = whole[: self.count]
        if (
            raw.size < self.count
            or hashlib.sha256(raw.data).hexdigest() != self.digest
            or whole[self.count :].any()
        ):
            raise ProgramFileError(
                f"{self.source.name} changed since it was written "
                f"(section at {self.start})",
                "weights that match their checksum",
                "The file is damaged or was overwritten: copy or download it again, "
                "and load it anew.",
            )
        raw.flags.writeable = False
        self.latest.section, self.latest.raw = self, raw
        if not self._seen:
            self._seen.append(True)
        return raw


@dataclass(frozen=True, eq=False)
class FiledParams(Mapping[str, Held]):
    """Parameters of a node, read from their file whenever nobody holds them.

    Parameters
    ----------
    sections : mapping of str to Section
    latest : Latest
        Shared by the nodes of a file.
    """

    sections: Mapping[str, Section]
    latest: Latest
    _known: dict[str, "weakref.ref[Held]"] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Held:
        """Return an array, the same one as before while somebody holds it."""
        known = self._known.get(name)
        array = None if known is None else known()
        if array is None:
            array = self.sections[name].read()
            self._known[name] = weakref.ref(array)
            self.latest.array = array
        return array

    def __contains__(self, name: object) -> bool:
        return name in self.sections

    def __iter__(self) -> Iterator[str]:
        return iter(self.sections)

    def __len__(self) -> int:
        return len(self.sections)

    def outlines(self) -> Mapping[str, Held]:
        """Return arrays of these shapes and types that hold nothing."""
        return {
            name: np.broadcast_to(np.zeros((), section.kind), section.shape)
            for name, section in self.sections.items()
        }

    def release(self) -> None:
        """Forget what this thread read last."""
        self.latest.section = self.latest.raw = self.latest.array = None


def release(params: Mapping[str, Held]) -> None:
    """Give back the memory of parameters that can be read from a file again."""
    if isinstance(params, FiledParams):
        params.release()
