"""The official python version of CIFAR-10: pickled batches, in a directory or tar.gz.

A pickle can run any code. These are read with an unpickler that knows the few NumPy
constructors such batches need and refuses every other name.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.data.plain_pickle import load_plain
from workbench.data.raw import DataError, RawImages, checked
from workbench.data.tar import read_bounded, tar_members
from workbench.models.classes import DATASET_CLASSES
from workbench.models.pickle_guard import BROKEN_FILE_ERRORS

_FILES = {
    "train": tuple(f"data_batch_{index}" for index in range(1, 6)),
    "test": ("test_batch",),
}
_NAMES = (None, "cifar10")
_DIRECTORY = "cifar-10-batches-py"
_ARCHIVE = "cifar-10-python.tar.gz"
_PIXELS = 3 * 32 * 32


def collect(path: Path, name: str | None) -> tuple[Path, ...]:
    """Return the directory or tar file that holds the batches, if ``path`` has one.

    ``path`` may be that itself or the directory above; ``name`` is a dataset's name
    or None for any.
    """
    if name not in _NAMES:
        return ()
    if path.is_file():
        is_tar = path.name.endswith((".tar.gz", ".tgz", ".tar"))
        return (path,) if is_tar and "binary" not in path.name else ()
    for directory in (path, path / _DIRECTORY):
        if (directory / "data_batch_1").is_file():
            return (directory,)
    return (path / _ARCHIVE,) if (path / _ARCHIVE).is_file() else ()


def parts(files: tuple[Path, ...]) -> tuple[str, ...]:
    """Return train and test."""
    return tuple(_FILES)


def read(files: tuple[Path, ...], part: str) -> RawImages:
    """Return the decoded images of one part, "train" or "test".

    Parameters
    ----------
    files : tuple of Path
        What ``collect`` returned.
    part : str
        ``"train"`` or ``"test"``.

    Raises
    ------
    DataError
        If a batch is missing, damaged, or holds anything but arrays and plain values.
    """
    (path,) = files
    batches = [_batch(path, content) for content in _contents(path, _FILES[part])]
    images = np.concatenate([images for images, _ in batches])
    labels = np.concatenate([labels for _, labels in batches])
    return checked(path, images, labels, DATASET_CLASSES["cifar10"])


def _contents(path: Path, names: tuple[str, ...]) -> list[bytes]:
    try:
        if path.is_dir():
            return [read_bounded(path / name) for name in names]
        return tar_members(path, names)
    except BROKEN_FILE_ERRORS as error:
        raise DataError(
            f"{path} lacks a batch or is damaged ({error})",
            "the complete CIFAR-10 python archive: " + ", ".join(names),
            "Download it again.",
        ) from error


def _batch(path: Path, content: bytes) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    try:
        loaded = load_plain(content)
    except DataError:
        raise
    except BROKEN_FILE_ERRORS as error:
        raise _damaged(path) from error
    if not isinstance(loaded, dict):
        raise _damaged(path)
    data, labels = loaded.get(b"data"), loaded.get(b"labels")
    if (
        not isinstance(data, np.ndarray)
        or data.dtype != np.uint8
        or data.ndim != 2
        or data.shape[1] != _PIXELS
        or not isinstance(labels, list)
        or not all(type(one) is int and abs(one) < 1 << 63 for one in labels)
    ):
        raise _damaged(path)
    return data.reshape(-1, 3, 32, 32), np.array(labels, dtype=np.int64)


def _damaged(path: Path) -> DataError:
    return DataError(
        f"a batch in {path} is damaged or of another dataset",
        "a dictionary with 'data' (N x 3072 bytes) and 'labels'",
        "Download the CIFAR-10 python archive again.",
    )
