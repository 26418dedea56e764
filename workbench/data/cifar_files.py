"""Where the official versions of CIFAR-10 keep their batches: a directory or a tar.gz.

Belongs here: finding the files and reading their bytes. Does not belong here: what the
bytes mean (``cifar_archive``, ``cifar_binary``).
"""

from dataclasses import dataclass
from pathlib import Path

from workbench.data.raw import DataError
from workbench.data.tar import read_bounded, tar_members
from workbench.models.pickle_guard import BROKEN_FILE_ERRORS

_NAMES = (None, "cifar10")
_ARCHIVES = (".tar.gz", ".tgz", ".tar")


@dataclass(frozen=True)
class CifarFiles:
    """The files of one version.

    Parameters
    ----------
    version : str
        "python" or "binary", as in the name of the archive.
    directory : str
        Where the archive unpacks to.
    suffix : str
        Of the files of the batches.
    """

    version: str
    directory: str
    suffix: str = ""

    @property
    def parts(self) -> dict[str, tuple[str, ...]]:
        """The names of the batches of train and test."""
        train = tuple(f"data_batch_{index}{self.suffix}" for index in range(1, 6))
        return {"train": train, "test": (f"test_batch{self.suffix}",)}

    def collect(self, path: Path, name: str | None) -> tuple[Path, ...]:
        """Return the directory or tar file of the batches, if ``path`` has one.

        ``path`` may be that itself or the directory above; ``name`` is a dataset's name
        or None for any.
        """
        if name not in _NAMES:
            return ()
        if path.is_file():
            binary = "binary" in path.name
            mine = binary == (self.version == "binary")
            return (path,) if mine and path.name.endswith(_ARCHIVES) else ()
        for directory in (path, path / self.directory):
            if (directory / self.parts["train"][0]).is_file():
                return (directory,)
        archive = path / f"cifar-10-{self.version}.tar.gz"
        return (archive,) if archive.is_file() else ()

    def contents(self, path: Path, part: str) -> dict[str, bytes]:
        """Return the bytes of each batch of a part.

        Raises
        ------
        DataError
            A batch is missing, or the archive is damaged.
        """
        names = self.parts[part]
        try:
            found = (
                tar_members(path, names)
                if path.is_file()
                else [read_bounded(path / name) for name in names]
            )
        except BROKEN_FILE_ERRORS as error:
            raise DataError(
                f"{path} lacks a batch or is damaged ({error})",
                f"the complete CIFAR-10 {self.version} version: " + ", ".join(names),
                "Download it again.",
            ) from error
        return dict(zip(names, found, strict=True))
