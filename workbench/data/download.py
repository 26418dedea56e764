"""Fetching the official CIFAR-10 archive, for people who are online.

Belongs here: the address, the checksum and the transfer. Nothing is downloaded unless
somebody asks for it. Does not belong here: reading the archive (``cifar_archive.py``).
"""

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from workbench.data.discovery import user_cache
from workbench.data.raw import DataError
from workbench.writing import replaced

Progress = Callable[[int, int], None]

_CHUNK_BYTES = 1 << 18
_TIMEOUT_S = 30


@dataclass(frozen=True)
class Remote:
    """A file on the net and how to know that it arrived whole.

    Parameters
    ----------
    url : str
        Where it lies.
    filename : str
        What it is called on disk.
    size_bytes : int
        Its length.
    sha256 : str
        Hex digest of its content.
    """

    url: str
    filename: str
    size_bytes: int
    sha256: str


CIFAR10 = Remote(
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    "cifar-10-python.tar.gz",
    170_498_071,
    "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
)


def download(
    remote: Remote = CIFAR10,
    *,
    directory: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Return the path of the file, fetched unless it is already there and whole.

    The file is written beside its place, checked, and renamed: a broken transfer
    leaves nothing that could be taken for the dataset.

    Parameters
    ----------
    remote : Remote
        What to fetch.
    directory : Path, optional
        Where to put it; the user's cache, where ``load_dataset`` looks, by default.
    progress : callable, optional
        Called with (bytes so far, bytes in all) after every piece; may raise to stop.

    Raises
    ------
    DataError
        If the transfer fails or the content is not what it should be.
    """
    directory = user_cache() if directory is None else directory
    path = directory / remote.filename
    if path.is_file() and _digest(path) == remote.sha256:
        return path
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"directory {directory} cannot be made ({error.strerror})",
            "a directory that you may write to",
            "Choose another one, or set XDG_CACHE_HOME.",
        ) from error
    with replaced(path) as part:
        found = _fetch(remote, part, progress)
        if found != remote.sha256:
            raise DataError(
                f"{remote.url} gave content with SHA-256 {found[:16]}...",
                f"{remote.sha256[:16]}...",
                "Try again; if it stays so, do not use the file.",
            )
    return path


def _fetch(remote: Remote, part: Path, progress: Progress | None) -> str:
    hasher, done = hashlib.sha256(), 0
    try:
        with (
            urllib.request.urlopen(remote.url, timeout=_TIMEOUT_S) as response,
            part.open("wb") as file,
        ):
            while piece := _piece(response):
                file.write(piece)
                hasher.update(piece)
                done += len(piece)
                if progress is not None:
                    progress(done, remote.size_bytes)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        raise DataError(
            f"{remote.url} cannot be fetched ({error})",
            "an open connection",
            "Check the network, or fetch the file by hand and name its directory.",
        ) from error
    return hasher.hexdigest()


def _piece(response: IO[bytes]) -> bytes:
    return response.read(_CHUNK_BYTES)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
