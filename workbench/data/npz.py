"""NumPy ``.npz`` files with ``images`` and ``labels`` (``x`` and ``y`` also work).

``images`` is uint8 (N, C, H, W), (N, H, W, C) or (N, H, W). Pickled objects inside are
never read. One part may be prefixed: ``train_images``, ``test_labels`` and so on.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.data.raw import DataError, RawImages, checked, numbered_classes
from workbench.models.pickle_guard import BROKEN_FILE_ERRORS

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
    arrays = _arrays(files[0], names_only=True)
    found = tuple(p for p in _PARTS if any(key.startswith(f"{p}_") for key in arrays))
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
    arrays = _arrays(path, names_only=False)
    prefix = "" if part == "all" else f"{part}_"
    images = _channels_first(path, _pick(path, arrays, prefix, _IMAGES))
    raw = _pick(path, arrays, prefix, _LABELS)
    if raw.ndim != 1 or not np.issubdtype(raw.dtype, np.integer):
        raise DataError(
            f"labels of type {raw.dtype} and shape {raw.shape} in {path}",
            "integers of shape (N,)",
            "Save class indices.",
        )
    labels = raw.astype(np.int64)
    names = arrays.get("classes")
    classes = (
        numbered_classes(labels)
        if names is None
        else tuple(str(name) for name in names)
    )
    return checked(path, images, labels, classes)


def _arrays(path: Path, *, names_only: bool) -> dict[str, NDArray[np.generic]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            if names_only:
                return {key: np.empty(0) for key in archive.files}
            return {key: archive[key] for key in archive.files}
    except BROKEN_FILE_ERRORS as error:
        raise DataError(
            f"{path} cannot be read ({type(error).__name__})",
            "an .npz file of plain arrays",
            "Save it again with: numpy.savez(path, images=..., labels=...)",
        ) from error


def _pick(
    path: Path,
    arrays: dict[str, NDArray[np.generic]],
    prefix: str,
    names: tuple[str, ...],
) -> NDArray[np.generic]:
    for name in names:
        if prefix + name in arrays:
            return arrays[prefix + name]
    raise DataError(
        f"arrays {', '.join(arrays) or 'none'} in {path}",
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
