"""Image folders: one directory a class, files of any common picture type inside.

Directories ``train``, ``val`` and ``test`` on top are taken as the parts. Pictures of
different sizes are scaled and cropped to the commonest size of the first ones.
"""

from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from workbench.data.limits import MOST_PIXELS, check_unpacked
from workbench.data.pixels import UNREADABLE, check_size, pixels_chw
from workbench.data.raw import DataError, RawImages, checked
from workbench.reading import NotAFileError, regular

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".ppm", ".tif"})
_PARTS = {"train": "train", "val": "val", "valid": "val", "test": "test"}
_SAMPLED = 100


def collect(path: Path, name: str | None) -> tuple[Path, ...]:
    """Return the directory if it holds classes of pictures (or parts that do).

    With a dataset's ``name``, only a directory of that name counts.
    """
    if not path.is_dir() or (name is not None and path.name != name):
        return ()
    tops = [path / part for part in _PARTS if (path / part).is_dir()] or [path]
    return (path,) if any(_classes(top) for top in tops) else ()


def parts(files: tuple[Path, ...]) -> tuple[str, ...]:
    """Return the parts that have a directory, or "all" for classes on top."""
    found = {part for name, part in _PARTS.items() if _classes(files[0] / name)}
    return tuple(part for part in ("train", "val", "test") if part in found) or ("all",)


def read(files: tuple[Path, ...], part: str) -> RawImages:
    """Return the decoded images of one part, one shape for all.

    Parameters
    ----------
    files : tuple of Path
        What ``collect`` returned.
    part : str
        One of ``parts(files)``.

    Raises
    ------
    DataError
        If a picture cannot be decoded.
    """
    (path,) = files
    top = path if part == "all" else next(path / n for n in _named(path, part))
    # Of all parts: a class that one part lacks must not shift the others' labels.
    tops = [top] if part == "all" else [path / name for name in _PARTS]
    classes = tuple(sorted({name for one in tops for name in _classes(one)}))
    pairs = [
        (file, label)
        for label, name in enumerate(classes)
        if (top / name).is_dir()
        for file in _pictures(top / name)
    ]
    size, grey = _common_form([file for file, _ in pairs[:_SAMPLED]])
    one = size[0] * size[1] * (1 if grey else 3)
    packed = sum(file.stat().st_size for file, _ in pairs)
    check_unpacked(top, one * len(pairs), packed)
    images = [_decode(file, size, grey=grey) for file, _ in pairs]
    labels = np.array([label for _, label in pairs], dtype=np.int64)
    return checked(top, np.stack(images), labels, classes)


def _named(path: Path, part: str) -> list[str]:
    return [n for n, p in _PARTS.items() if p == part and (path / n).is_dir()]


def _classes(top: Path) -> tuple[str, ...]:
    if not top.is_dir():
        return ()
    folders = sorted(folder for folder in top.iterdir() if folder.is_dir())
    return tuple(folder.name for folder in folders if _pictures(folder))


def _pictures(folder: Path) -> list[Path]:
    return sorted(f for f in folder.iterdir() if f.suffix.lower() in _SUFFIXES)


def _common_form(files: list[Path]) -> tuple[tuple[int, int], bool]:
    forms = Counter[tuple[tuple[int, int], bool]]()
    for file in files:
        with _open(file) as picture:
            forms[(picture.size, picture.mode == "L")] += 1
    (size, _), _count = forms.most_common(1)[0]
    return size, all(grey for _, grey in forms)


def _decode(file: Path, size: tuple[int, int], *, grey: bool) -> NDArray[np.uint8]:
    try:
        with _open(file) as picture:
            check_size(picture, file.stat().st_size)
            fitted = picture.convert("L" if grey else "RGB")
            if fitted.size != size:
                fitted = ImageOps.fit(fitted, size, Image.Resampling.BILINEAR)
            return pixels_chw(fitted, MOST_PIXELS)
    except UNREADABLE as error:
        raise _unreadable(file) from error


def _open(file: Path) -> Image.Image:
    try:
        return Image.open(regular(file))
    except NotAFileError as error:
        raise _unreadable(file, f" ({error.strerror})") from error
    except UNREADABLE as error:
        raise _unreadable(file) from error


def _unreadable(file: Path, reason: str = "") -> DataError:
    return DataError(
        f"{file}{reason} cannot be decoded",
        f"a whole picture of at most {MOST_PIXELS >> 20} million pixels",
        "Remove or replace it.",
    )
