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
from PIL import Image

from workbench.data.limits import check_unpacked
from workbench.data.pixels import UNREADABLE, pixels_chw
from workbench.data.raw import (
    DataError,
    RawImages,
    checked,
    mixed_sizes,
    numbered_classes,
)
from workbench.models.pickle_guard import BROKEN_FILE_ERRORS
from workbench.reading import regular

IMAGE_COLUMNS = ("img", "image")
LABEL_COLUMNS = ("label", "fine_label")
# Pillow knows many rare formats; what nobody packs into datasets is not decoded.
_ENCODINGS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
_BROKEN: tuple[type[Exception], ...] = (pa.ArrowException, *BROKEN_FILE_ERRORS)
_ROWS = 64
"""Rows that are read at a time."""

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
        with pq.ParquetFile(regular(file)) as stream:
            return _read_rows(file, stream)
    except _BROKEN as error:
        raise DataError(
            f"{file} cannot be read as parquet ({_first_line(error)})",
            "a complete parquet file",
            "It is damaged or was copied in part: copy it again.",
        ) from error


def _read_rows(file: Path, stream: pq.ParquetFile) -> RawImages:
    schema = stream.schema_arrow
    image_column = _column(file, schema, IMAGE_COLUMNS)
    label_column = _column(file, schema, LABEL_COLUMNS)
    if not pa.types.is_integer(schema.field(label_column).type):
        raise DataError(
            f"column '{label_column}' of {file} holds "
            f"{schema.field(label_column).type}",
            "integers",
            "Export the dataset with class indices as labels.",
        )
    images = _Images(file, int(stream.metadata.num_rows))
    labels = [np.zeros(0, np.int64)]
    # A few rows at a time: a column may repeat one cell without end.
    for batch in stream.iter_batches(_ROWS, columns=[image_column, label_column]):
        images.add(batch.column(image_column).to_pylist())
        column = batch.column(label_column)
        if column.null_count:
            raise DataError(
                f"rows without a label in {file}",
                "an integer in each",
                "Export the dataset with all its labels.",
            )
        labels.append(column.to_numpy(zero_copy_only=False).astype(np.int64))
    joined = np.concatenate(labels)
    classes = _class_names(schema.metadata, label_column)
    return checked(
        file, images.all(), joined, classes or numbered_classes(file, joined)
    )


def _column(file: Path, schema: pa.Schema, names: tuple[str, ...]) -> str:
    for name in names:
        if schema.names.count(name) == 1:
            return name
    raise DataError(
        f"columns {', '.join(schema.names)} in {file}",
        f"a column named {' or '.join(names)}",
        "Use the column layout of Hugging Face image datasets.",
    )


class _Images:
    """The decoded images of a file, whose number its footer promises."""

    def __init__(self, file: Path, promised: int) -> None:
        self._file, self._promised, self._rows = file, promised, 0
        self._images = np.zeros((0, 1, 1, 1), np.uint8)

    def add(self, cells: list[Any]) -> None:
        """Decode the next rows."""
        for cell in cells:
            picture = _decode(self._file, self._rows, cell)
            if self._rows == 0:
                wanted = self._promised * picture.nbytes
                check_unpacked(self._file, wanted, self._file.stat().st_size)
                self._images = np.zeros((self._promised, *picture.shape), np.uint8)
            if picture.shape != self._images.shape[1:]:
                sizes = {picture.shape, self._images.shape[1:]}
                raise mixed_sizes(self._file, sizes)
            if self._rows < self._promised:
                self._images[self._rows] = picture
            self._rows += 1

    def all(self) -> NDArray[np.uint8]:
        """Return the images, or raise if there are more or fewer than promised."""
        if self._rows != self._promised:
            raise DataError(
                f"{self._rows} rows in {self._file}, which promises {self._promised}",
                "as many rows as its footer says",
                "It is damaged: copy it again.",
            )
        return self._images


def _decode(file: Path, row: int, cell: Any) -> NDArray[np.uint8]:
    encoded = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(encoded, bytes):
        raise DataError(
            f"row {row} of {file} holds no image bytes",
            "an encoded image (PNG or JPEG) in 'bytes'",
            "Export the dataset with embedded images.",
        )
    try:
        picture = Image.open(io.BytesIO(encoded), formats=_ENCODINGS)
        return pixels_chw(picture, len(encoded))
    except UNREADABLE as error:
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
    except (KeyError, TypeError, ValueError, RecursionError):
        return ()
    return tuple(str(name) for name in names) if isinstance(names, list) else ()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
