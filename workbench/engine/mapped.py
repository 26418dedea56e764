"""Weights that lie in a mapped file: read when asked for, forgotten when packed.

Belongs here: parameters that are views of the file or are unpacked from it, and giving
their memory back once a kernel has packed what it needs. Does not belong here: the file
format (`file`).
"""

import mmap
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Held = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Section:
    """One array in a mapped file.

    Parameters
    ----------
    raw : memoryview
        Its bytes.
    encoding : str
        ``uint8``, ``dense`` (float32) or ``bitmask``: a bit an element, then the
        elements that are not zero.
    shape : tuple of int
    """

    raw: memoryview
    encoding: str
    shape: tuple[int, ...]

    @property
    def kind(self) -> np.dtype[Any]:
        """Type of the elements."""
        return np.dtype(np.uint8 if self.encoding == "uint8" else "<f4")

    def read(self) -> Held:
        """Return the array: a view of the file, but for a bitmask."""
        if self.encoding != "bitmask":
            return np.frombuffer(self.raw, self.kind).reshape(self.shape)
        where, values = self.nonzeros()
        array = np.zeros(int(np.prod(self.shape)), np.float32)
        array[where] = values
        return array.reshape(self.shape)

    def nonzeros(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the places of the elements that a bitmask keeps, and these."""
        size = int(np.prod(self.shape))
        mask_bytes = -(-size // 8)
        packed = np.frombuffer(self.raw[:mask_bytes], np.uint8)
        bits = np.unpackbits(packed, count=size, bitorder="little")
        where = np.flatnonzero(bits.view(np.bool_))
        return where, np.frombuffer(self.raw[mask_bytes:], "<f4")

    def forget(self) -> None:
        """Give the pages of the file back; they are read again when they are used."""
        forget(np.frombuffer(self.raw, np.uint8))


@dataclass(eq=False)
class Latest:
    """The array that was unpacked last: kernels ask for it several times in a row."""

    array: Held | None = None


@dataclass(frozen=True, eq=False)
class MappedParams(Mapping[str, Held]):
    """Parameters of a node, unpacked from a mapped file whenever nobody holds them.

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
            section = self.sections[name]
            array = section.read()
            self._known[name] = weakref.ref(array)
            if section.encoding == "bitmask":
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
        """Forget what was unpacked and what the file brought into memory."""
        self.latest.array = None
        for section in self.sections.values():
            section.forget()


def release(params: Mapping[str, Held]) -> None:
    """Give back the memory of parameters that can be read from a file again."""
    if isinstance(params, MappedParams):
        params.release()


def forget(array: Held) -> int:
    """Give back the resident pages of an array that views a mapped file.

    The array stays valid: its pages are read again when it is.

    Parameters
    ----------
    array : numpy.ndarray
        Any; only views of a read-only map are touched.

    Returns
    -------
    int
        Bytes of the pages that were given back; 0 for ordinary memory.

    Examples
    --------
    >>> forget(np.zeros(10_000))
    0
    """
    owner = _map_of(array)
    if owner is None or not hasattr(mmap, "MADV_DONTNEED"):
        return 0
    start = array.ctypes.data - np.frombuffer(owner, np.uint8).ctypes.data
    first = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE
    length = (start + array.nbytes - first) // mmap.PAGESIZE * mmap.PAGESIZE
    if length <= 0:
        return 0
    owner.madvise(mmap.MADV_DONTNEED, first, length)
    return length


def _map_of(array: Held) -> mmap.mmap | None:
    """Return the map that an array views, or None."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    return base if isinstance(base, mmap.mmap) else None
