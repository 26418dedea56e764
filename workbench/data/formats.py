"""The table of file formats a dataset may come in.

Every format is one module with the same three functions; adding one = one file and
one line here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workbench.data import cifar_archive, cifar_binary, image_folder, npz, parquet
from workbench.data.raw import RawImages


@dataclass(frozen=True)
class Format:
    """One file format.

    Parameters
    ----------
    name : str
        For people.
    collect : callable
        (path, dataset name or None) to the paths that hold the dataset; empty if the
        path is not of this format or holds another dataset.
    parts : callable
        Those paths to the parts they hold: some of train, val, test, or just "all".
    read : callable
        (those paths, one of the parts) to decoded images.
    """

    name: str
    collect: Callable[[Path, str | None], tuple[Path, ...]]
    parts: Callable[[tuple[Path, ...]], tuple[str, ...]]
    read: Callable[[tuple[Path, ...], str], RawImages]


# The first that collects something is taken; the image folder is the least specific.
FORMATS: tuple[Format, ...] = (
    Format("parquet", parquet.collect, parquet.parts, parquet.read),
    Format(
        "CIFAR-10 python archive",
        cifar_archive.collect,
        cifar_archive.parts,
        cifar_archive.read,
    ),
    Format(
        "CIFAR-10 binary", cifar_binary.collect, cifar_binary.parts, cifar_binary.read
    ),
    Format("npz", npz.collect, npz.parts, npz.read),
    Format("image folder", image_folder.collect, image_folder.parts, image_folder.read),
)
