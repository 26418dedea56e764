"""What a file format's reader hands over, and the checks every reader shares.

Belongs here: the value and its validation. Does not belong here: any file format.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench.errors import WorkbenchError

MOST_CLASSES = 1 << 17
"""Six times the classes of ImageNet-21k."""


class DataError(WorkbenchError):
    """A dataset is missing, of the wrong form, or damaged."""


class MissingPartError(DataError):
    """A dataset that was found has no such split."""


@dataclass(frozen=True, eq=False)
class RawImages:
    """Decoded images of one part of a dataset.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, C, H, W)
        Pixels, 0..255.
    labels : ndarray of int64, shape (N,)
        Indices into ``classes``.
    classes : tuple of str
        Class names in label order.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]


def checked(
    path: Path,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    classes: tuple[str, ...],
) -> RawImages:
    """Return the parts as RawImages after checking that they fit one another.

    Raises
    ------
    DataError
        If there are no images, the counts differ, or a label has no class.
    """
    if len(images) == 0:
        raise DataError(
            f"no images in {path}", "at least one", "Check that the copy is complete."
        )
    if len(images) != len(labels):
        raise DataError(
            f"{len(images)} images but {len(labels)} labels in {path}",
            "one label an image",
            "Copy or export the dataset again.",
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= len(classes):
        raise DataError(
            f"labels {low}..{high} in {path}",
            f"labels in 0..{len(classes) - 1} ({len(classes)} classes)",
            "Check that this file belongs to this dataset.",
        )
    return RawImages(images, labels.astype(np.int64), classes)


def numbered_classes(path: Path, labels: NDArray[np.int64]) -> tuple[str, ...]:
    """Return "0", "1", ... up to the highest label, for files that name no classes.

    Raises
    ------
    DataError
        A label beyond ``MOST_CLASSES``.
    """
    highest = int(labels.max(initial=-1))
    if highest >= MOST_CLASSES:
        raise DataError(
            f"label {highest} in {path}",
            f"labels below {MOST_CLASSES:,}",
            "Number the classes from 0.",
        )
    return tuple(str(index) for index in range(highest + 1))


def mixed_sizes(path: Path, sizes: Iterable[tuple[int, ...]]) -> DataError:
    """Return the error for images of more than one shape in ``path``."""
    shown = " and ".join(str(tuple(size)) for size in sorted(sizes))
    return DataError(
        f"images of shapes {shown} in {path}",
        "one shape (C, H, W) for all images",
        "Resize the images before you pack them.",
    )
