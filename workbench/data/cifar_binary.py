"""The official binary version of CIFAR-10: a directory or tar.gz of records.

A record is one label byte and 3,072 pixel bytes (red, green and blue planes).
"""

from pathlib import Path

import numpy as np

from workbench.data.cifar_files import CifarFiles
from workbench.data.raw import DataError, RawImages, checked
from workbench.models.classes import DATASET_CLASSES

_FILES = CifarFiles("binary", "cifar-10-batches-bin", ".bin")
_RECORD_BYTES = 1 + 3 * 32 * 32


def collect(path: Path, name: str | None) -> tuple[Path, ...]:
    """Return the directory or tar file that holds the records, if ``path`` has one."""
    return _FILES.collect(path, name)


def parts(files: tuple[Path, ...]) -> tuple[str, ...]:
    """Return train and test."""
    return tuple(_FILES.parts)


def read(files: tuple[Path, ...], part: str) -> RawImages:
    """Return the images of one part, "train" or "test".

    Parameters
    ----------
    files : tuple of Path
        What ``collect`` returned.
    part : str
        ``"train"`` or ``"test"``.

    Raises
    ------
    DataError
        If a file is missing or is not a whole number of records.
    """
    (path,) = files
    content = b"".join(_whole(path, part))
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, _RECORD_BYTES)
    images = records[:, 1:].reshape(-1, 3, 32, 32)
    labels = records[:, 0].astype(np.int64)
    return checked(path, images, labels, DATASET_CLASSES["cifar10"])


def _whole(path: Path, part: str) -> list[bytes]:
    contents = _FILES.contents(path, part)
    for name, content in contents.items():
        if not content or len(content) % _RECORD_BYTES:
            raise DataError(
                f"{name} in {path} has {len(content)} bytes",
                f"a whole number of records of {_RECORD_BYTES} bytes",
                "It was copied in part: download it again.",
            )
    return list(contents.values())
