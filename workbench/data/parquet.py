"""Parquet files in the column layout of Hugging Face image datasets.

Columns: ``img`` or ``image``, a struct of ``bytes`` (an encoded image) and ``path``;
``label`` or ``fine_label``, an integer. Class names come from the file's metadata.
"""

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from workbench.data.pixels import pixels_chw
from workbench.data.raw import (
    DataError,
    RawImages,
    checked,
    mixed_sizes,
    numbered_classes,
)

IMAGE_COLUMNS = ("img", "image")
LABEL_COLUMNS = ("label", "fine_label")
# Pillow knows many rare formats; what nobody packs into datasets is not decoded.
_ENCODINGS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
_UNREADABLE = (
    UnidentifiedImageError,
    Image.DecompressionBombError,
    OSError,
    SyntaxError,
)
# A file's name is read as dataset, part, shard: "cifar10-train-00000-of-00001.parquet".
_PARTS = {"train": "train", "val": "val", "valid": "val", "validation": "val"}
_NAME = re.compile(
    r"^(?P<dataset>.*?)[-_.]?(?P<part>train|validation|valid|val|test)(?![a-z])",
    re.IGNORECASE,
)


def collect(path: Path, name: str | None) -> tuple[Path, ...]:
    """Return the parquet files of one dataset at ``path``.

    Parameters
    ----------
    path : Path
        A file, or a directory that holds files (itself or in ``data/``).
    name : str or None
        Which dataset to take: files named after it, or files without a dataset name.

    Raises
    ------
    DataError
        If ``name`` is None and the directory holds files of several datasets.
    """
    if path.is_file():
        return (path,) if path.suffix == ".parquet" else ()
    files = sorted(path.glob("*.parquet")) or sorted(path.glob("data/*.parquet"))
    groups: dict[str, list[Path]] = {}
    for file in files:
        groups.setdefault(_split_name(file)[0], []).append(file)
    if name is not None:
        return tuple(groups.get(_key(name)) or groups.get("") or ())
    if len(groups) > 1:
        raise DataError(
            f"parquet files of {len(groups)} datasets in {path} "
            f"({', '.join(sorted(group or 'without a name' for group in groups))})",
            "files of one dataset",
            "Name the dataset, or give the path of one file.",
        )
    return tuple(files)


def parts(files: tuple[Path, ...]) -> tuple[str, ...]:
    """Return which of train, val and test the files hold, told by their names."""
    found = {_split_name(file)[1] for file in files}
    return tuple(part for part in ("train", "val", "test", "all") if part in found)


def read(files: tuple[Path, ...], part: str) -> RawImages:
    """Return the decoded images of one part.

    Parameters
    ----------
    files : tuple of Path
        What ``collect`` returned.
    part : str
        One of ``parts(files)``.

    Raises
    ------
    DataError
        If a file is damaged, lacks a column, or images differ in size.
    """
    chosen = [file for file in files if _split_name(file)[1] == part]
    pieces = [_read_file(file) for file in chosen]
    sizes = {piece.images.shape[1:] for piece in pieces}
    if len(sizes) > 1:
        raise mixed_sizes(chosen[0].parent, sizes)
    images = np.concatenate([piece.images for piece in pieces])
    labels = np.concatenate([piece.labels for piece in pieces])
    classes = max((piece.classes for piece in pieces), key=len)
    return checked(chosen[0], images, labels, classes)


def _split_name(file: Path) -> tuple[str, str]:
    match = _NAME.match(file.stem)
    if match is None:
        return _key(file.stem), "all"
    part = match["part"].lower()
    return _key(match["dataset"]), _PARTS.get(part, part)


def _key(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _read_file(file: Path) -> RawImages:
    try:
        table = pq.read_table(file)
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{file} cannot be read as parquet ({_first_line(error)})",
            "a complete parquet file",
            "It is damaged or was copied in part: copy it again.",
        ) from error
    image_column = _column(file, table, IMAGE_COLUMNS)
    label_column = _column(file, table, LABEL_COLUMNS)
    if not pa.types.is_integer(table.schema.field(label_column).type):
        raise DataError(
            f"column '{label_column}' of {file} holds "
            f"{table.schema.field(label_column).type}",
            "integers",
            "Export the dataset with class indices as labels.",
        )
    labels = table[label_column].to_numpy().astype(np.int64)
    images = _decode_all(file, table[image_column].to_pylist())
    classes = _class_names(table.schema.metadata, label_column)
    return checked(file, images, labels, classes or numbered_classes(labels))


def _column(file: Path, table: pa.Table, names: tuple[str, ...]) -> str:
    for name in names:
        if name in table.column_names:
            return name
    raise DataError(
        f"columns {', '.join(table.column_names)} in {file}",
        f"a column named {' or '.join(names)}",
        "Use the column layout of Hugging Face image datasets.",
    )


def _decode_all(file: Path, cells: list[Any]) -> NDArray[np.uint8]:
    images: NDArray[np.uint8] | None = None
    for row, cell in enumerate(cells):
        picture = _decode(file, row, cell)
        if images is None:
            images = np.empty((len(cells), *picture.shape), dtype=np.uint8)
        if picture.shape != images.shape[1:]:
            raise mixed_sizes(file, {picture.shape, images.shape[1:]})
        images[row] = picture
    return np.empty((0, 1, 1, 1), np.uint8) if images is None else images


def _decode(file: Path, row: int, cell: Any) -> NDArray[np.uint8]:
    encoded = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(encoded, bytes):
        raise DataError(
            f"row {row} of {file} holds no image bytes",
            "an encoded image (PNG or JPEG) in 'bytes'",
            "Export the dataset with embedded images.",
        )
    try:
        return pixels_chw(Image.open(io.BytesIO(encoded), formats=_ENCODINGS))
    except _UNREADABLE as error:
        raise DataError(
            f"the image in row {row} of {file} cannot be decoded "
            f"({_first_line(error)})",
            "a whole PNG or JPEG image",
            "The file is damaged: copy it again.",
        ) from error


def _class_names(metadata: dict[bytes, bytes] | None, column: str) -> tuple[str, ...]:
    try:
        info = json.loads((metadata or {})[b"huggingface"])
        names = info["info"]["features"][column]["names"]
    except (KeyError, TypeError, ValueError):
        return ()
    return tuple(str(name) for name in names)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
