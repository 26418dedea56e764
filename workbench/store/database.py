"""The SQLite file behind the store: schema, locking, and what to do when damaged.

Every operation opens its own connection, so threads and processes need not agree on
anything but the files. A lock file lets one process set a damaged database aside
while no other is in it.

Belongs here: opening, checking, replacing. Does not belong here: what a run is.
"""

import fcntl
import hashlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from workbench.errors import WorkbenchError

SCHEMA_VERSION = 1
APPLICATION_ID = 0x50575242
WAIT_S = 30.0
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
_SIDE_FILES = ("-wal", "-shm")


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
        When the file is a database of something else, or of a newer version.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "runs.sqlite"
        self._lock_path = folder / "lock"
        self.damage: Damage | None = None
        with self._lock(fcntl.LOCK_EX):
            reason = self._problem()
            if reason is not None:
                self.damage = self._set_aside(reason)
            elif not self.path.exists():
                self._create()
            # Kept open and unused: the last connection to close would write the
            # log back into the database, at each operation.
            self._anchor = _open(self.path)
            self._anchor.execute("SELECT COUNT(*) FROM runs").fetchone()

    def close(self) -> None:
        """Give back the files; the log is written back if nobody else is there."""
        self._anchor.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection for queries; others may write meanwhile."""
        with self._lock(fcntl.LOCK_SH), self._connection() as connection:
            yield connection

    @contextmanager
    def writing(self, *, alone: bool = False) -> Iterator[sqlite3.Connection]:
        """Yield a connection inside a transaction, committed at the end.

        Parameters
        ----------
        alone : bool
            Also keeps every other process out of the workspace's files.
        """
        kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
        with self._lock(kind), self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    @contextmanager
    def _lock(self, kind: int) -> Iterator[None]:
        with self._lock_path.open("a") as file:
            fcntl.flock(file, kind)
            yield

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = _open(self.path)
            try:
                yield connection
            finally:
                connection.close()
        except sqlite3.DatabaseError as error:
            raise WorkbenchError(
                found=f"{self.path}: {error}",
                expected="a readable run database",
                next_step="Start again: a damaged file is set aside when opened.",
            ) from error

    def _create(self) -> None:
        part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        part.unlink(missing_ok=True)
        connection = sqlite3.connect(part, isolation_level=None)
        connection.executescript(_SCHEMA)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.close()
        os.replace(part, self.path)

    def _problem(self) -> str | None:
        """Return why the file cannot be used, None when it is sound or absent."""
        if not self.path.exists():
            return None
        try:
            connection = _open(self.path)
            try:
                owner = connection.execute("PRAGMA application_id").fetchone()[0]
                version = connection.execute("PRAGMA user_version").fetchone()[0]
                said = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
                tables = {
                    row[0]
                    for row in connection.execute("SELECT name FROM sqlite_master")
                }
            finally:
                connection.close()
        except sqlite3.DatabaseError as error:
            return str(error)
        if said != "ok":
            return str(said)
        if owner == APPLICATION_ID and version > SCHEMA_VERSION:
            raise WorkbenchError(
                found=f"{self.path} of store version {version}",
                expected=f"version {SCHEMA_VERSION} or older",
                next_step="Update the workbench, or choose another workspace.",
            )
        if owner != APPLICATION_ID or version != SCHEMA_VERSION:
            return "its header is not that of a run database"
        if not tables.issuperset(("runs", "rows", "files")):
            return "tables are missing"
        return None

    def _set_aside(self, reason: str) -> Damage:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        target = self.path.with_name(f"runs.damaged-{stamp}.sqlite")
        os.replace(self.path, target)
        for side in _SIDE_FILES:
            beside = self.path.with_name(self.path.name + side)
            if beside.exists():
                os.replace(beside, target.with_name(target.name + side))
        self._create()
        return Damage(str(target), reason, self._rescue(target))

    def _rescue(self, damaged: Path) -> int:
        """Carry over the runs that can still be read and fit their checksums."""
        rescued = 0
        with self._connection() as new:
            for table in ("runs", "rows", "files"):
                for row in _readable(damaged, table):
                    if _sound(table, row):
                        marks = ", ".join("?" * len(row))
                        new.execute(
                            f"INSERT OR IGNORE INTO {table} VALUES ({marks})", row
                        )
                        rescued += table == "runs"
        return rescued


def _open(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(
        uri, uri=True, timeout=WAIT_S, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA synchronous = FULL")
    # A damaged text must not fail the whole query: its checksum will tell.
    connection.text_factory = _decode
    return connection


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _readable(damaged: Path, table: str) -> Iterator[tuple[object, ...]]:
    """Yield rows until the damage is met."""
    try:
        connection = _open(damaged)
        try:
            yield from connection.execute(f"SELECT * FROM {table} NOT INDEXED")
        finally:
            connection.close()
    except sqlite3.DatabaseError:
        return


def _sound(table: str, row: tuple[object, ...]) -> bool:
    if table == "files":
        return all(isinstance(value, str) for value in row[:3])
    return fits(row[:-1], row[-1])
