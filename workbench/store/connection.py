"""Connections to a SQLite file, and what SQLite's errors mean.

Belongs here: opening, also where nothing can be written; telling a damaged file from
one that merely cannot be reached. Does not belong here: tables (database.py).
"""

import errno
import os
import sqlite3
from pathlib import Path

from workbench.errors import WorkbenchError

WAIT_S = 30.0
SIDE_FILES = ("-wal", "-shm")
# A statement of ours fails with the last one only if the file is not what we wrote.
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_ELSEWHERE = "or set WORKBENCH_HOME to another folder."
_NO_SPACE = os.strerror(errno.ENOSPC)


def open_to_write(path: Path) -> sqlite3.Connection:
    """Return a connection that may write; the file must exist."""
    return _open(path, "mode=rw")


def open_to_read(path: Path) -> sqlite3.Connection:
    """Return a connection for queries, also on a full disk or in a read-only folder.

    SQLite's log wants a file of shared memory beside the database even for reading.
    Where none can be made, a connection that is alone needs none; where there is no
    log, none is needed either.

    Raises
    ------
    sqlite3.Error
        The first one met, when there is no way to read the file.
    """
    log = path.with_name(path.name + SIDE_FILES[0])
    ways = [("mode=rw", False), ("mode=ro", False), ("mode=rw", True)]
    if not (log.exists() and log.stat().st_size):
        ways.append(("immutable=1", False))
    first: sqlite3.Error | None = None
    for query, alone in ways:
        try:
            return _open(path, query, alone=alone)
        except sqlite3.Error as error:
            if is_damage(error):
                raise
            first = first or error
    assert first is not None
    raise first


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether an error says that the file's content is broken.

    A full disk, a missing permission, a lock or too few file descriptors say nothing
    about the content.
    """
    return _code(error) in _DAMAGE


def trouble(path: Path, error: sqlite3.Error | OSError) -> WorkbenchError:
    """Return an error of SQLite or the system as what was found and what to do."""
    if isinstance(error, sqlite3.Error) and is_damage(error):
        return WorkbenchError(
            f"{path}: {error}",
            "a readable run database",
            "Start again: a damaged file is set aside when opened.",
        )
    if _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return WorkbenchError(
            f"{path} is held by another process for over {WAIT_S:g} s",
            "a run database that others write to for moments only",
            f"Wait until the other process has ended, {_ELSEWHERE}",
        )
    number, reason = _cause(path, error)
    if number in _FULL:
        return WorkbenchError(
            f"{path} cannot be used ({reason})",
            "room on the disk for the record of a run",
            f"Make room, {_ELSEWHERE}",
        )
    if number in (errno.EMFILE, errno.ENFILE):
        return WorkbenchError(
            f"{path} cannot be opened ({reason})",
            "a few file descriptors that are free",
            "Close other programs, or raise the limit: ulimit -n 4096",
        )
    return WorkbenchError(
        f"{path} cannot be used ({reason})",
        "a file and a folder that this user may read and write",
        f"Change the permissions, {_ELSEWHERE}",
    )


def _open(path: Path, query: str, *, alone: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{query}",
        uri=True,
        timeout=WAIT_S,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        if alone:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA synchronous = FULL")
        # The first query is what opens the log, or fails to.
        connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    # A damaged text must not fail the whole query: its checksum will tell.
    connection.text_factory = _decode
    return connection


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _code(error: Exception) -> int:
    """Return SQLite's primary result code; an error of Python's module has none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _cause(path: Path, error: sqlite3.Error | OSError) -> tuple[int, str]:
    """Return what the system says where SQLite only says that it failed."""
    if isinstance(error, OSError):
        return error.errno or 0, error.strerror or str(error)
    if _code(error) == sqlite3.SQLITE_FULL:
        return errno.ENOSPC, _NO_SPACE
    try:
        os.close(os.open(path, os.O_RDWR))
        space = os.statvfs(path.parent)
    except OSError as found:
        return found.errno or 0, found.strerror or str(found)
    if space.f_bavail == 0 or (space.f_files and space.f_favail == 0):
        return errno.ENOSPC, _NO_SPACE
    return 0, str(error)
