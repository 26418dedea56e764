"""Pickles of byte arrays and plain values, without making what they name.

Belongs here: the reader. Does not belong here: what the values mean
(``cifar_archive``).
"""

import io
import math
import pickle
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from workbench.data.raw import DataError


class _Type:
    """Stands for ``numpy.dtype``: only the name of a type of bytes is kept."""

    def __init__(self, name: object, *_: object) -> None:
        self.name = name

    def __setstate__(self, _: object) -> None:
        pass


class _Array:
    """Stands for an array: checked when its state comes."""

    array: NDArray[np.uint8] | None = None

    def __setstate__(self, state: Any) -> None:
        _version, shape, kind, in_columns, data = state
        sizes = isinstance(shape, tuple) and all(
            type(side) is int and side >= 0 for side in shape
        )
        if not (isinstance(kind, _Type) and kind.name in ("u1", b"u1") and sizes):
            raise ValueError("an array of other types than bytes")
        if not isinstance(data, bytes) or len(data) != math.prod(shape):
            raise ValueError(f"an array of shape {shape} with other bytes")
        order: Literal["C", "F"] = "F" if in_columns else "C"
        self.array = np.frombuffer(data, np.uint8).reshape(shape, order=order)


def _array(*_: object) -> _Array:
    return _Array()


def _latin1(text: str, encoding: str) -> bytes:
    """Return the bytes that a protocol 2 pickle of Python 3 stores as text."""
    if encoding != "latin1":
        raise ValueError(encoding)
    return text.encode("latin1")


class _Never:
    """Stands for ``numpy.ndarray``, which pickles name but never call."""

    def __init__(self, *_: object) -> None:
        raise ValueError("an array without content")


_KNOWN = {
    ("numpy", "dtype"): _Type,
    ("numpy", "ndarray"): _Never,
    ("numpy.core.multiarray", "_reconstruct"): _array,
    ("_codecs", "encode"): _latin1,
}


# Python's own reader, as the one in C takes the places of its memo from the file and
# fills the memory up to them.
class _Plain(pickle._Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        home = module.replace("numpy._core", "numpy.core")
        if (home, name) in _KNOWN:
            return _KNOWN[home, name]
        raise DataError(
            f"a pickle that calls {module}.{name} when it is read",
            "arrays and plain values only, as in the official CIFAR-10 archive",
            "Do not use this file; download the official archive.",
        )


def load_plain(content: bytes) -> Any:
    """Return a pickle's value; arrays of bytes are ``numpy.ndarray`` in a dict.

    Raises
    ------
    DataError
        It calls something else.
    Exception
        One of ``BROKEN_FILE_ERRORS``: damaged.
    """
    if not content.endswith(pickle.STOP):
        raise pickle.UnpicklingError("cut off")
    loaded = _Plain(io.BytesIO(content), encoding="bytes").load()
    if isinstance(loaded, dict):
        return {
            key: value.array if isinstance(value, _Array) else value
            for key, value in loaded.items()
        }
    return loaded
