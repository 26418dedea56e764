"""Files that appear whole or not at all.

Belongs here: the one way in which the workbench replaces a file. Does not belong here:
what is written, and files that nobody waits for (logs).
"""

import errno
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.owner import machine, runs, started

_NAME_CHARACTERS = 40
_FORGOTTEN_S = 24 * 3600
_PART = re.compile(
    r"\.part-(?P<machine>[0-9a-f]+)-(?P<pid>\d+)-(?P<started>\d*)-[0-9a-f]+-.*",
    re.DOTALL,
)


class WriteError(WorkbenchError):
    """A file that cannot be written: no such folder, no right to, no room."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"{path} cannot be written ({error.strerror or error})",
            "a place that this user may write to, with room on the disk",
            "Choose another folder, or make room.",
        )


@contextmanager
def replaced(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield the path of a new empty file that becomes ``path`` when the block ends.

    The new file lies in the same folder under a name that no other writer has. At the
    end of the block it is forced to the disk and renamed; if anything is raised it is
    removed, and what was at ``path`` stays. What dead processes left in the folder is
    removed. A symbolic link stays one: its target is replaced.

    Parameters
    ----------
    path : path
        A file, there or not, in a folder that exists.

    Raises
    ------
    WriteError
        For any OSError, of the block as well.
    """
    try:
        target = Path(os.path.realpath(path))
        if target.exists() and not target.is_file():
            # Renaming onto a device or a pipe would remove it.
            raise OSError(errno.EINVAL, "it is no file", str(path))
        sweep(target.parent)
        part = _created(target)
        try:
            yield part
            _forced(part)
            part.replace(target)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise WriteError(Path(path), error) from error
    # The rename itself; not every file system lets a folder be opened.
    with suppress(OSError):
        _forced(target.parent)


def write_whole(path: str | os.PathLike[str], data: bytes | str) -> None:
    """Write bytes, or text as UTF-8, so that the file is whole or as it was.

    Raises
    ------
    WriteError
        As ``replaced``.
    """
    with replaced(path) as part:
        part.write_bytes(data.encode() if isinstance(data, str) else data)


def is_part(path: Path) -> bool:
    """Return whether a path is a file that ``replaced`` has yielded."""
    return _PART.fullmatch(path.name) is not None


def sweep(folder: Path) -> int:
    """Remove what writers that live no more left in a folder; return how many files."""
    count = 0
    with os.scandir(folder) as entries:
        parts = [e for e in entries if e.name.startswith(".part-") and _is_left(e)]
    for entry in parts:
        with suppress(OSError):
            os.unlink(entry.path)
            count += 1
    return count


def _is_left(entry: os.DirEntry[str]) -> bool:
    match = _PART.fullmatch(entry.name)
    if match is None:
        return False
    if match["machine"] == machine():
        return not runs(int(match["pid"]), match["started"])
    # Processes of another machine, or container, cannot be seen from here.
    with suppress(OSError):
        return time.time() - entry.stat().st_mtime > _FORGOTTEN_S
    return False


def _created(target: Path) -> Path:
    pid = os.getpid()
    who = f"{machine()}-{pid}-{started(pid)}-{secrets.token_hex(4)}"
    # The end of the name, as some writers go by the suffix; not more, as names have
    # a longest length.
    part = target.with_name(f".part-{who}-{target.name[-_NAME_CHARACTERS:]}")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    return part


def _forced(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
