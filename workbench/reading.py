"""Files that end: only a regular file is opened, and whatever else is there is named.

Belongs here: the one way in which the workbench opens a path that a user named. Does
not belong here: what the bytes mean, and writing (``writing``).
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


class NotAFileError(OSError):
    """What lies at a path is a folder, a pipe, a device or a socket.

    A device may have no end and a pipe may have no writer, so neither is read.
    """


def regular(path: str | os.PathLike[str]) -> Path:
    """Return the path if a regular file lies there, for readers that open it.

    Raises
    ------
    OSError
        Nothing is there, or what is there is no regular file.

    Examples
    --------
    >>> regular("/dev/null")
    Traceback (most recent call last):
    ...
    workbench.reading.NotAFileError: [Errno 22] it is a device, no file: '/dev/null'
    """
    _require(os.stat(path), path)
    return Path(path)


def open_handle(path: str | os.PathLike[str]) -> int:
    """Return a file descriptor for reading, which the caller closes.

    Raises
    ------
    OSError
        As `regular`, or it may not be read.
    """
    _require(os.stat(path), path)
    # What lies there may be another by now: a pipe must not keep us waiting.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        _require(os.fstat(handle), path)
    except OSError:
        os.close(handle)
        raise
    return handle


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Return a regular file, open for reading bytes.

    Raises
    ------
    OSError
        As `open_handle`.
    """
    return os.fdopen(open_handle(path), "rb")


def read_regular(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a regular file.

    Raises
    ------
    OSError
        As `open_handle`.
    """
    with open_regular(path) as file:
        return file.read()


def _require(found: os.stat_result, path: str | os.PathLike[str]) -> None:
    if stat.S_ISREG(found.st_mode):
        return
    kind = next((name for is_one, name in _KINDS if is_one(found.st_mode)), "unknown")
    raise NotAFileError(errno.EINVAL, f"it is {kind}, no file", os.fspath(path))
