"""Arrays of an `.npz` file, each checked against its header before it is read.

Belongs here: names and arrays of the archive. Does not belong here: what they mean
(``npz``).
"""

import math
import zipfile
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from workbench.data.limits import check_unpacked
from workbench.data.raw import DataError
from workbench.models.pickle_guard import BROKEN_FILE_ERRORS
from workbench.reading import open_regular

_SUFFIX = ".npy"
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_MOST_HEADER_CHARACTERS = 10_000
_KINDS = "biufUS"


def array_names(path: Path) -> tuple[str, ...]:
    """Return the names of the arrays in a file.

    Raises
    ------
    DataError
        No zip archive, or a damaged one.
    """
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except BROKEN_FILE_ERRORS as error:
        raise _unreadable(path, error) from error
    return tuple(n.removesuffix(_SUFFIX) for n in names if n.endswith(_SUFFIX))


def read_array(path: Path, name: str) -> NDArray[np.generic]:
    """Return one array: numbers, truth values or texts.

    Raises
    ------
    DataError
        Damaged, of objects, or of another size than its header says.
    """
    try:
        with (
            open_regular(path) as file,
            zipfile.ZipFile(file) as archive,
            archive.open(name + _SUFFIX) as stream,
        ):
            return _array(path, name, stream)
    except BROKEN_FILE_ERRORS as error:
        raise _unreadable(path, error) from error


def _array(path: Path, name: str, stream: IO[bytes]) -> NDArray[np.generic]:
    version = npy.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"version {version} of the format")
    shape, in_columns, dtype = _HEADERS[version](
        stream, max_header_size=_MOST_HEADER_CHARACTERS
    )
    whole = all(type(side) is int and side >= 0 for side in shape)
    if not whole or dtype.kind not in _KINDS or dtype.hasobject:
        raise DataError(
            f"array '{name}' of type {dtype} and shape {shape} in {path}",
            "numbers or texts",
            "Save it again with: numpy.savez(path, images=..., labels=...)",
        )
    size = math.prod(shape) * dtype.itemsize
    check_unpacked(path, size, path.stat().st_size)
    # One byte more than there should be: reading on checks the archive's checksum.
    data = stream.read(size + 1)
    if len(data) != size:
        raise DataError(
            f"array '{name}' in {path}, whose bytes do not fit its shape {shape}",
            f"{size:,} bytes",
            "It is damaged or was copied in part: copy it again.",
        )
    flat = np.frombuffer(data, dtype=dtype) if size else np.zeros(0, dtype)
    return flat.reshape(shape, order="F" if in_columns else "C")


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(
        f"{path} cannot be read ({type(error).__name__})",
        "an .npz file of plain arrays",
        "Save it again with: numpy.savez(path, images=..., labels=...)",
    )
