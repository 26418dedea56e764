"""The official binary version of CIFAR-10: a directory or tar.gz of records.

A record is one label byte and 3,072 pixel bytes (red, green and blue planes).
"""

from pathlib import Path

import numpy as np

from workbench.data.raw import DataError, RawImages, checked
from workbench.data.tar import read_bounded, tar_members
from workbench.models.classes import DATASET_CLASSES
from workbench.models.pickle_guard import BROKEN_FILE_ERRORS

_FILES = {
    "train": tuple(f"data_batch_{index}.bin" for index in range(1, 6)),
    "test": ("test_batch.bin",),
}
_NAMES = (None, "cifar10")
_DIRECTORY = "cifar-10-batches-bin"
_ARCHIVE = "cifar-10-binary.tar.gz"
_RECORD_BYTES = 1 + 3 * 32 * 32


def collect(path: Path, name: str | None) -> tuple[Path, ...]:
    """Return the directory or tar file that holds the records, if ``path`` has one.

    ``path`` may be that itself or the directory above; ``name`` is a dataset's name
    or None for any.
    """
    if name not in _NAMES:
        return ()
    if path.is_file():
        is_tar = path.name.endswith((".tar.gz", ".tgz", ".tar"))
        return (path,) if is_tar and "binary" in path.name else ()
    for directory in (path, path / _DIRECTORY):
        if (directory / "data_batch_1.bin").is_file():
            return (directory,)
    return (path / _ARCHIVE,) if (path / _ARCHIVE).is_file() else ()


def parts(files: tuple[Path, ...]) -> tuple[str, ...]:
    """Return train and test."""
    return tuple(_FILES)


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
    content = b"".join(_contents(path, _FILES[part]))
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, _RECORD_BYTES)
    images = records[:, 1:].reshape(-1, 3, 32, 32)
    labels = records[:, 0].astype(np.int64)
    return checked(path, images, labels, DATASET_CLASSES["cifar10"])


def _contents(path: Path, names: tuple[str, ...]) -> list[bytes]:
    try:
        contents = tar_members(path, names) if path.is_file() else _from(path, names)
    except BROKEN_FILE_ERRORS as error:
        raise DataError(
            f"{path} lacks a file or is damaged ({error})",
            "the complete CIFAR-10 binary version: " + ", ".join(names),
            "Download it again.",
        ) from error
    for name, content in zip(names, contents, strict=True):
        if not content or len(content) % _RECORD_BYTES:
            raise DataError(
                f"{name} in {path} has {len(content)} bytes",
                f"a whole number of records of {_RECORD_BYTES} bytes",
                "It was copied in part: download it again.",
            )
    return contents


def _from(path: Path, names: tuple[str, ...]) -> list[bytes]:
    return [read_bounded(path / name) for name in names]
