"""The Dataset value: decoded images, labels, and how to normalise them.

Belongs here: the value and what can be computed from it alone. Does not belong here:
reading files (one module a format) and finding them (``discovery.py``).
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workbench.data.digest import digest_arrays
from workbench.data.splits import balanced_subset
from workbench.errors import WorkbenchError


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled images of one split, decoded.

    Parameters
    ----------
    name : str
        Short name, for example ``"cifar10"``.
    split : str
        ``"train"``, ``"val"`` or ``"test"``.
    images : ndarray of uint8, shape (N, C, H, W)
        Pixels as decoded, 0..255.
    labels : ndarray of int64, shape (N,)
        Class of every image, an index into ``classes``.
    classes : tuple of str
        Class names in label order.
    mean, std : tuple of float
        Per channel, of pixels scaled to 0..1; ``tensor`` normalises with them.
    digest : str
        Hex SHA-256 of the pixels and labels (a subset: the parent's, then ``#n``;
        normalised otherwise than the data says: then ``~`` and a digest of that; their
        middle: then ``@HxW``).
    """

    name: str
    split: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    digest: str

    def __len__(self) -> int:
        return int(self.images.shape[0])

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Return the shape of one image, (C, H, W)."""
        _, channels, height, width = self.images.shape
        return int(channels), int(height), int(width)

    def tensor(self, index: "int | slice | NDArray[np.int64] | None" = None) -> Tensor:
        """Return normalised images as float32, (N, C, H, W).

        Parameters
        ----------
        index : int, slice, ndarray of int64 or None
            Which images; an int gives a batch of one, None gives all.

        Raises
        ------
        WorkbenchError
            If an int lies outside 0..N-1.
        """
        if isinstance(index, int | np.integer):
            position = int(index)
            if not 0 <= position < len(self):
                raise WorkbenchError(
                    f"image {position} of '{self.name}' ({self.split})",
                    f"an index in 0..{len(self) - 1}",
                    "Choose another image.",
                )
            index = slice(position, position + 1)
        chosen = self.images if index is None else self.images[index]
        return normalise(torch.tensor(chosen), self.mean, self.std)

    def batches(self, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (images, labels) in order, ``size`` at a time; the last may be shorter.

        Images are normalised float32 (n, C, H, W); labels are int64 (n,).
        """
        if size < 1:
            raise WorkbenchError(
                f"batch size {size}", "1 or more", "Use 256 if in doubt."
            )
        for start in range(0, len(self), size):
            stop = start + size
            yield (
                self.tensor(slice(start, stop)),
                torch.from_numpy(self.labels[start:stop].copy()),
            )

    def take(self, n: int) -> "Dataset":
        """Return ``n`` images, the classes as even as they can be; always the same.

        ``n`` at or above the size returns the dataset itself.
        """
        if n >= len(self):
            return self
        if n < 1:
            raise WorkbenchError(
                f"a subset of {n} images", "1 or more", "Ask for more images."
            )
        chosen = balanced_subset(self.labels, n)
        return replace(
            self,
            images=self.images[chosen],
            labels=self.labels[chosen],
            digest=f"{self.digest}#{n}",
        )


def normalise(
    pixels: Tensor, mean: tuple[float, ...], std: tuple[float, ...]
) -> Tensor:
    """Return ``(pixels / 255 - mean) / std`` as float32.

    Parameters
    ----------
    pixels : Tensor, shape (N, C, H, W)
        Values 0..255, uint8 or float.
    mean, std : tuple of float, length C
        Of pixels scaled to 0..1.
    """
    scale = torch.tensor([1 / (255 * s) for s in std]).view(1, -1, 1, 1)
    shift = torch.tensor([-m / s for m, s in zip(mean, std, strict=True)])
    return pixels.to(torch.float32) * scale + shift.view(1, -1, 1, 1)


def normalised(
    data: Dataset, norm: tuple[tuple[float, ...], tuple[float, ...]]
) -> Dataset:
    """Return the images with another mean and standard deviation a channel.

    Its digest is another: what was measured on the data as it was does not hold.
    """
    own = hashlib.sha256(repr(norm).encode()).hexdigest()[:16]
    mean, std = norm
    return replace(data, mean=mean, std=std, digest=f"{data.digest}~{own}")


def centre(data: Dataset, height: int, width: int) -> Dataset:
    """Return the middle of every image; the name says so, the digest is another.

    Examples
    --------
    >>> images = np.arange(16, dtype=np.uint8).reshape(1, 1, 4, 4)
    >>> data = make_dataset(
    ...     "four", "val", images=images, labels=np.zeros(1, np.int64), classes=("a",),
    ...     norm=((0.5,), (0.5,)),
    ... )
    >>> small = centre(data, 2, 2)
    >>> small.name, small.images.ravel().tolist()
    ('four, middle 2 x 2', [5, 6, 9, 10])
    """
    top, left = (
        (a - b) // 2 for a, b in zip(data.input_shape[1:], (height, width), strict=True)
    )
    images = data.images[:, :, top : top + height, left : left + width]
    return replace(
        data,
        name=f"{data.name}, middle {height} x {width}",
        images=np.ascontiguousarray(images),
        digest=f"{data.digest}@{height}x{width}",
    )


def make_dataset(
    name: str,
    split: str,
    *,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    classes: tuple[str, ...],
    norm: tuple[tuple[float, ...], tuple[float, ...]],
) -> Dataset:
    """Return a Dataset with its digest computed; ``norm`` is (mean, std)."""
    images = np.ascontiguousarray(images)
    labels = np.ascontiguousarray(labels, dtype=np.int64)
    images.setflags(write=False)
    labels.setflags(write=False)
    mean, std = norm
    digest = digest_arrays(images, labels)
    return Dataset(name, split, images, labels, classes, mean, std, digest)
