"""The official python version of CIFAR-10: pickled batches, in a directory or tar.gz.

A pickle can run any code. These are read with an unpickler that knows the few NumPy
constructors such batches need and refuses every other name.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.data.cifar_files import CifarFiles
from workbench.data.plain_pickle import load_plain
from workbench.data.raw import DataError, RawImages, checked
from workbench.models.classes import DATASET_CLASSES
from workbench.models.pickle_guard import BROKEN_FILE_ERRORS

_FILES = CifarFiles("python", "cifar-10-batches-py")
_PIXELS = 3 * 32 * 32


def collect(path: Path, name: str | None) -> tuple[Path, ...]:
    """Return the directory or tar file that holds the batches, if ``path`` has one."""
    return _FILES.collect(path, name)


def parts(files: tuple[Path, ...]) -> tuple[str, ...]:
    """Return train and test."""
    return tuple(_FILES.parts)


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
    contents = _FILES.contents(path, part).values()
    batches = [_batch(path, content) for content in contents]
    images = np.concatenate([images for images, _ in batches])
    labels = np.concatenate([labels for _, labels in batches])
    return checked(path, images, labels, DATASET_CLASSES["cifar10"])


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
