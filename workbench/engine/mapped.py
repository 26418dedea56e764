"""Weights that are views of a mapped file, and their memory.

Belongs here: giving pages of the file back to the system once a kernel has packed what
it needs. Does not belong here: the file format (`file`).
"""

import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray


def forget(array: NDArray[Any]) -> int:
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


def _map_of(array: NDArray[Any]) -> mmap.mmap | None:
    """Return the map that an array views, or None."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    return base if isinstance(base, mmap.mmap) else None
