"""NumPy ``.npz`` files with ``images`` and ``labels`` (``x`` and ``y`` also work).

``images`` is uint8 (N, C, H, W), (N, H, W, C) or (N, H, W). Pickled objects inside are
never read. One part may be prefixed: ``train_images``, ``test_labels`` and so on.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.data.npy import array_names, read_array
from workbench.data.raw import (
    MOST_CLASSES,
    DataError,
    RawImages,
    checked,
    numbered_classes,
)

_IMAGES, _LABELS = ("images", "x"), ("labels", "y")
_PARTS = ("train", "val", "test")
_CHANNELS = (1, 3)


def collect(path: Path, name: str | None) -> tuple[Path, ...]:
    """Return the file itself if it is an ``.npz``; ``name`` must match its stem."""
    if path.is_file():
        return (path,) if path.suffix == ".npz" else ()
    if name is None:
        return ()
    file = path / f"{name}.npz"
    return (file,) if file.is_file() else ()


def parts(files: tuple[Path, ...]) -> tuple[str, ...]:
    """Return the parts whose arrays are there, or "all" for arrays without prefix."""
    names = array_names(files[0])
    found = tuple(p for p in _PARTS if any(key.startswith(f"{p}_") for key in names))
    return found or ("all",)


def read(files: tuple[Path, ...], part: str) -> RawImages:
    """Return the images of one part.

    Parameters
    ----------
    files : tuple of Path
        What ``collect`` returned.
    part : str
        One of ``parts(files)``.

    Raises
    ------
    DataError
        If the file is damaged, lacks an array, or an array has another type or shape.
    """
    (path,) = files
    prefix = "" if part == "all" else f"{part}_"
    names = array_names(path)
    images = _channels_first(path, _pick(path, names, prefix, _IMAGES))
    raw = _pick(path, names, prefix, _LABELS)
    if raw.ndim != 1 or not np.issubdtype(raw.dtype, np.integer):
        raise DataError(
            f"labels of type {raw.dtype} and shape {raw.shape} in {path}",
            "integers of shape (N,)",
            "Save class indices.",
        )
    labels = raw.astype(np.int64)
    if "classes" in names:
        titles = read_array(path, "classes").reshape(-1)
        classes = tuple(str(title) for title in titles[:MOST_CLASSES])
    else:
        classes = numbered_classes(path, labels)
    return checked(path, images, labels, classes)


def _pick(
    path: Path, there: tuple[str, ...], prefix: str, names: tuple[str, ...]
) -> NDArray[np.generic]:
    for name in names:
        if prefix + name in there:
            return read_array(path, prefix + name)
    raise DataError(
        f"arrays {', '.join(there) or 'none'} in {path}",
        f"one named {' or '.join(prefix + name for name in names)}",
        "Save it again with: numpy.savez(path, images=..., labels=...)",
    )


def _channels_first(path: Path, images: NDArray[np.generic]) -> NDArray[np.uint8]:
    if images.dtype == np.uint8:
        if images.ndim == 3:
            return images[:, None].astype(np.uint8)
        if images.ndim == 4 and images.shape[1] in _CHANNELS:
            return images.astype(np.uint8)
        if images.ndim == 4 and images.shape[3] in _CHANNELS:
            return np.ascontiguousarray(images.transpose(0, 3, 1, 2)).astype(np.uint8)
    raise DataError(
        f"images of type {images.dtype} and shape {images.shape} in {path}",
        "uint8 of shape (N, C, H, W), (N, H, W, C) or (N, H, W), C = 1 or 3",
        "Save pixels 0..255 as uint8.",
    )
