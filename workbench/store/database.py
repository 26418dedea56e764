"""The SQLite file behind the store: schema, locking, and what to do when damaged.

Every operation opens its own connection, so threads and processes need not agree on
anything but the files. A lock file lets one process set a damaged database aside
while no other is in it. A database that cannot be written is read as it is; only one
whose content is broken is set aside.

Belongs here: checking, replacing. Does not belong here: what a run is, and what
SQLite's errors mean (connection.py).
"""

import errno
import fcntl
import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from workbench.errors import WorkbenchError
from workbench.store.connection import (
    SIDE_FILES,
    is_damage,
    open_to_read,
    open_to_write,
    trouble,
)

SCHEMA_VERSION = 1
APPLICATION_ID = 0x50575242
_SCHEMA = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL,
    status TEXT NOT NULL, owner TEXT NOT NULL, created TEXT NOT NULL,
    finished TEXT NOT NULL, inputs TEXT NOT NULL, results TEXT NOT NULL,
    error TEXT NOT NULL, checksum TEXT NOT NULL
);
CREATE INDEX runs_by_key ON runs (key);
CREATE TABLE rows (
    run TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
    checksum TEXT NOT NULL, PRIMARY KEY (run, key)
);
CREATE TABLE files (
    run TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL,
    bytes INTEGER NOT NULL, PRIMARY KEY (run, name)
);
"""


@dataclass(frozen=True)
class Damage:
    """Return what happened to a database that could not be read.

    Parameters
    ----------
    moved_to : str
        Where the damaged file lies now.
    reason : str
        What SQLite said.
    rescued : int
        Runs whose checksums fit and that were carried over.
    """

    moved_to: str
    reason: str
    rescued: int

    def __str__(self) -> str:
        return (
            f"the run database was damaged ({self.reason}); it lies at "
            f"{self.moved_to}, {self.rescued} runs were carried over"
        )


def checksum(*parts: str) -> str:
    """Return a digest over texts, each with its length."""
    hasher = hashlib.sha256()
    for part in parts:
        data = part.encode()
        hasher.update(len(data).to_bytes(8, "little") + data)
    return hasher.hexdigest()


def fits(values: Sequence[object], stored: object) -> bool:
    """Return whether values read back are the texts that were written."""
    texts = [value for value in values if isinstance(value, str)]
    return len(texts) == len(values) and checksum(*texts) == stored


class Database:
    """Return the database of a workspace, made when it does not exist.

    Parameters
    ----------
    folder : Path
        The workspace; it must exist.

    Raises
    ------
    WorkbenchError
        When the file is a database of something else, or of a newer version; when
        there is none and none can be made; when it cannot even be read.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "runs.sqlite"
        self._lock_path = folder / "lock"
        self.damage: Damage | None = None
        # Kept open and unused: the last connection to close would write the log back
        # into the database, at each operation.
        self._anchor: sqlite3.Connection | None = None
        with self._lock(fcntl.LOCK_EX), _explained(self.path):
            if not self.path.exists():
                self._replace(None)
            try:
                reason = problem_of(self.path, open_to_write)
            except sqlite3.Error:
                if problem_of(self.path, open_to_read) is None:
                    return
                raise
            if reason is not None:
                self.damage = self._replace(reason)
            self._anchor = open_to_write(self.path)

    def close(self) -> None:
        """Give back the files; the log is written back if nobody else is there."""
        if self._anchor is not None:
            self._anchor.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection for queries; others may write meanwhile."""
        with self._lock(fcntl.LOCK_SH), _explained(self.path):
            connection = open_to_read(self.path)
            try:
                yield connection
            finally:
                connection.close()

    @contextmanager
    def writing(self, *, alone: bool = False) -> Iterator[sqlite3.Connection]:
        """Yield a connection inside a transaction, committed at the end.

        Parameters
        ----------
        alone : bool
            Also keeps every other process out of the workspace's files.
        """
        kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
        with self._lock(kind), _explained(self.path):
            connection = open_to_write(self.path)
            try:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.commit()
                except BaseException:
                    connection.rollback()
                    raise
            finally:
                connection.close()

    @contextmanager
    def _lock(self, kind: int) -> Iterator[None]:
        """Hold the workspace's lock; where no lock file can be made, nobody writes."""
        try:
            file = _lock_file(self._lock_path)
            if file is not None:
                fcntl.flock(file, kind)
        except OSError as error:
            raise trouble(self._lock_path, error) from error
        try:
            yield
        finally:
            if file is not None:
                file.close()

    def _replace(self, reason: str | None) -> Damage | None:
        """Put a new database in the place of a damaged one, or of none.

        The new one is complete before the old one moves: where there is no room for
        it, everything stays as it was.
        """
        part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        try:
            _remove_parts(self.path)
            rescued = _create(part, None if reason is None else self.path)
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
            target = self.path.with_name(f"runs.damaged-{stamp}.sqlite")
            # A log without its database would be taken for the new one's.
            for end in ("", *SIDE_FILES):
                old = self.path.with_name(self.path.name + end)
                if old.exists():
                    os.replace(old, target.with_name(target.name + end))
            os.replace(part, self.path)
        finally:
            _remove_parts(self.path)
        return None if reason is None else Damage(str(target), reason, rescued)


def problem_of(path: Path, opener: Callable[[Path], sqlite3.Connection]) -> str | None:
    """Return why a database's content cannot be used, None when it is sound.

    Raises
    ------
    sqlite3.Error
        When it cannot be reached, which says nothing about its content.
    WorkbenchError
        When it belongs to a newer version of the workbench.
    """
    try:
        connection = opener(path)
        try:
            owner = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            said = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            names = connection.execute("SELECT name FROM sqlite_master").fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        if is_damage(error):
            return str(error)
        raise
    if said != "ok":
        return str(said)
    if owner == APPLICATION_ID and version > SCHEMA_VERSION:
        raise WorkbenchError(
            found=f"{path} of store version {version}",
            expected=f"version {SCHEMA_VERSION} or older",
            next_step="Update the workbench, or choose another workspace.",
        )
    if owner != APPLICATION_ID or version != SCHEMA_VERSION:
        return "its header is not that of a run database"
    if not {row[0] for row in names}.issuperset(("runs", "rows", "files")):
        return "tables are missing"
    return None


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system refuse into an error that says what to do."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise trouble(path, error) from error


def _lock_file(path: Path) -> IO[bytes] | None:
    try:
        return path.open("ab")
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise
    with suppress(OSError):
        return path.open("rb")
    return None


def _create(part: Path, damaged: Path | None) -> int:
    """Make a database with the sound runs of a damaged one; return how many."""
    connection = sqlite3.connect(part, isolation_level=None)
    try:
        connection.executescript(_SCHEMA)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("BEGIN")
        rescued = 0 if damaged is None else _rescue(damaged, connection)
        connection.commit()
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()
    return rescued


def _remove_parts(path: Path) -> None:
    """Remove unfinished databases, this process's and those of killed ones."""
    for part in path.parent.glob(f".{path.name}.*.part*"):
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _rescue(damaged: Path, new: sqlite3.Connection) -> int:
    """Carry over the runs that can still be read and fit their checksums."""
    rescued = 0
    for table in ("runs", "rows", "files"):
        for row in _readable(damaged, table):
            if _sound(table, row):
                marks = ", ".join("?" * len(row))
                new.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", row)
                rescued += table == "runs"
    return rescued


def _readable(damaged: Path, table: str) -> Iterator[tuple[object, ...]]:
    """Yield rows until the damage is met."""
    try:
        connection = open_to_write(damaged)
        try:
            yield from connection.execute(f"SELECT * FROM {table} NOT INDEXED")
        finally:
            connection.close()
    except sqlite3.Error as error:
        if not is_damage(error):
            raise


def _sound(table: str, row: tuple[object, ...]) -> bool:
    if table == "files":
        return all(isinstance(value, str) for value in row[:3])
    return fits(row[:-1], row[-1])
