"""Datasets by name or path, and the splits made from what a file holds.

Belongs here: ``load_dataset`` and ``dataset_for``. Does not belong here: where files
may lie (``discovery.py``) and how each format is read (one module a format).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import numpy as np

from workbench.data.dataset import Dataset, centre, make_dataset, normalised
from workbench.data.discovery import find, recognise
from workbench.data.formats import FORMATS
from workbench.data.mnist5k import load_mnist5k
from workbench.data.raw import DataError, MissingPartError, RawImages
from workbench.data.splits import check_split, stratified_parts
from workbench.models.classes import DATASET_CLASSES

MNIST5K = "mnist5k"
_VAL_SHARE = 0.1
_THREE_WAYS = (0.7, 0.1, 0.2)
# Images are commonly resized to 256 for a network that takes the middle 224.
_MARGIN = 256 / 224
_Norm = tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True)
class Known:
    """A dataset that the workbench knows by name.

    Parameters
    ----------
    input_shape : (int, int, int)
        One image, (C, H, W).
    norm : (mean, std)
        Per channel, of pixels scaled to 0..1.
    """

    input_shape: tuple[int, int, int]
    norm: _Norm


class Trained(Protocol):
    """What tells the data of a network: a Network, or a PrunedNetwork made of one."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def dataset(self) -> str | None:
        """Name of the dataset it was trained on."""

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Shape of one image, (C, H, W)."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in output order."""


# Mean and std of the lossless training images, as public checkpoints use them.
KNOWN: Mapping[str, Known] = MappingProxyType(
    {
        "cifar10": Known(
            (3, 32, 32), ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))
        )
    }
)


def load_dataset(
    spec: str | Path | None = None,
    *,
    split: str = "test",
    root: str | Path | None = None,
) -> Dataset:
    """Return one split of a dataset.

    Parameters
    ----------
    spec : str, Path or None
        ``"mnist5k"``, ``"cifar10"`` or a path: parquet file or directory, CIFAR-10
        python or binary archive (directory or tar), image folder, ``.npz``. None takes
        ``root``, or MNIST-5k without one.
    split : str
        ``"train"``, ``"val"`` or ``"test"``. Data without a validation part gives a
        fixed tenth of each training class to it; data in one piece is split 70:10:20.
    root : str, Path or None
        Where to look for a named dataset; None looks in the usual places.

    Raises
    ------
    DataError
        If the dataset is not found, damaged, or has no such split.

    Examples
    --------
    >>> load_dataset("mnist5k").input_shape
    (1, 28, 28)
    """
    check_split(split)
    if spec is None:
        spec = MNIST5K if root is None else root
    name = str(spec)
    if name == MNIST5K:
        return load_mnist5k(split)
    if name in KNOWN and not (root is None and Path(name).exists()):
        form, files = find(name, root)
    else:
        form, files = recognise(Path(spec).expanduser())
        name = ""
    return _cached(form.name, files, _stamps(files), split, name)


def dataset_for(
    network: Trained, *, split: str = "test", root: str | Path | None = None
) -> Dataset:
    """Return the split of the data that a network was made for.

    Parameters
    ----------
    network : Network or PrunedNetwork
        Its ``dataset`` says which; without one, ``root`` must be a dataset's path.
    split : str
        ``"train"``, ``"val"`` or ``"test"``.
    root : str, Path or None
        Where to look. If the network's own dataset is not there, but another is, that
        one is taken.

    Raises
    ------
    DataError
        If nothing is found, or its images or classes do not fit the network.
    """
    if network.dataset is None and root is None:
        raise DataError(
            f"no dataset is known for network '{network.name}'",
            "a path to labelled images",
            "Name it with --data.",
        )
    data = _own_or_other(network.dataset, split=split, root=root)
    norm = getattr(network, "norm", None)
    if norm is not None and norm != (data.mean, data.std):
        data = normalised(data, norm)
    if data.input_shape != network.input_shape:
        data = _fitted(data, network)
    outputs = len(network.classes)
    if outputs and len(data.classes) > outputs:
        raise DataError(
            f"{len(data.classes)} classes in '{data.name}'",
            f"at most {outputs}, the outputs of network '{network.name}'",
            "Choose the data that the network was trained on.",
        )
    known = network.classes[: len(data.classes)]
    if known and set(known) == set(data.classes) and known != data.classes:
        raise DataError(
            f"classes of '{data.name}' in the order {', '.join(data.classes)}",
            f"{', '.join(known)}, the order of network '{network.name}'",
            "Sort the labels as the network's outputs are.",
        )
    return data


def _fitted(data: Dataset, network: Trained) -> Dataset:
    """Return the middle of images that are a little larger than a network's input."""
    (channels, *sides), (expected, *wanted) = data.input_shape, network.input_shape
    fits = all(w <= s <= _MARGIN * w for s, w in zip(sides, wanted, strict=True))
    if channels != expected or not fits:
        raise DataError(
            f"images of shape {data.input_shape} in '{data.name}'",
            f"{network.input_shape}, the input of network '{network.name}', or up to "
            "a seventh higher and wider, of which the middle is taken",
            "Choose data of that size, or resize the images.",
        )
    return centre(data, wanted[0], wanted[1])


def _own_or_other(name: str | None, *, split: str, root: str | Path | None) -> Dataset:
    if root is None:
        return load_dataset(name, split=split)
    path = Path(root).expanduser()
    if name == MNIST5K and path.is_dir() and not _holds_pictures(path):
        return load_mnist5k(split)
    if name is None or name not in KNOWN or path.is_file():
        return load_dataset(path, split=split)
    try:
        find(name, path)
    except DataError as missing:
        try:
            return load_dataset(path, split=split)
        except DataError:
            raise missing from None
    return load_dataset(name, split=split, root=path)


def _holds_pictures(path: Path) -> bool:
    """Return whether a directory is an image folder: then these images are meant."""
    try:
        form, _ = recognise(path)
    except DataError:
        return False
    return form.name == "image folder"


def _stamps(files: tuple[Path, ...]) -> tuple[int, ...]:
    """Return modification times, so that a changed file is read again."""
    return tuple(file.stat().st_mtime_ns for file in files)


@lru_cache(maxsize=6)
def _cached(
    form: str,
    files: tuple[Path, ...],
    stamps: tuple[int, ...],
    split: str,
    name: str,
) -> Dataset:
    raw = _read_split(form, files, stamps, split)
    if name:
        norm = _check_known(name, files[0], raw)
    else:
        name = _title(files, raw)
        norm = KNOWN[name].norm if name in KNOWN else _measured_norm(raw)
    return make_dataset(
        name,
        split,
        images=raw.images,
        labels=raw.labels,
        classes=raw.classes,
        norm=norm,
    )


def _read_split(
    form: str, files: tuple[Path, ...], stamps: tuple[int, ...], split: str
) -> RawImages:
    reader = next(known for known in FORMATS if known.name == form)
    parts = reader.parts(files)
    if parts == ("all",):
        raw = _read_part(form, files, stamps, "all")
        return _chosen(raw, _THREE_WAYS, ("train", "val", "test").index(split))
    if split in parts and (split != "train" or "val" in parts):
        return _read_part(form, files, stamps, split)
    if split == "test" or "train" not in parts:
        where = files[0] if files[0].is_dir() else files[0].parent
        raise MissingPartError(
            f"no '{split}' part in {where} (it has {', '.join(parts)})",
            f"files for '{split}'",
            f"Add them, or take what is there: --split {parts[0]}.",
        )
    raw = _read_part(form, files, stamps, "train")
    shares = (1 - _VAL_SHARE, _VAL_SHARE)
    return _chosen(raw, shares, ("train", "val").index(split))


@lru_cache(maxsize=3)
def _read_part(
    form: str, files: tuple[Path, ...], stamps: tuple[int, ...], part: str
) -> RawImages:
    reader = next(known for known in FORMATS if known.name == form)
    return reader.read(files, part)


def _chosen(raw: RawImages, shares: tuple[float, ...], which: int) -> RawImages:
    chosen = stratified_parts(raw.labels, shares)[which]
    return RawImages(raw.images[chosen], raw.labels[chosen], raw.classes)


def _check_known(name: str, path: Path, raw: RawImages) -> _Norm:
    known, classes = KNOWN[name], DATASET_CLASSES[name]
    shape = raw.images.shape[1:]
    if shape != known.input_shape or len(raw.classes) > len(classes):
        raise DataError(
            f"images of shape {tuple(shape)} in {len(raw.classes)} classes at {path}",
            f"{known.input_shape} in {len(classes)} classes, as in '{name}'",
            "Check that this is the right dataset.",
        )
    return known.norm


def _title(files: tuple[Path, ...], raw: RawImages) -> str:
    for name, known in KNOWN.items():
        same_shape = raw.images.shape[1:] == known.input_shape
        if same_shape and raw.classes == DATASET_CLASSES[name]:
            return name
    return files[0].stem


def _measured_norm(raw: RawImages) -> _Norm:
    pixels = raw.images.astype(np.float32) / 255
    mean = pixels.mean(axis=(0, 2, 3), dtype=np.float64)
    std = pixels.std(axis=(0, 2, 3), dtype=np.float64)
    return (
        tuple(round(float(m), 4) for m in mean),
        tuple(max(round(float(s), 4), 1e-3) for s in std),
    )
