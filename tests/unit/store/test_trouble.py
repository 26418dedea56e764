"""Trouble is not damage: a full disk or a missing right sets no database aside."""

import errno
import os
import resource
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from workbench.cli.workspace import record_inputs
from workbench.errors import WorkbenchError
from workbench.store import connection, database
from workbench.store.store import Store

NOBODY = 65534
RUNS = 3


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that a user without rights can reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def workspace(folder: Path) -> Path:
    """Return the database of a workspace with three runs, written back whole."""
    store = Store(folder)
    for n in range(RUNS):
        store.add_run("eval", inputs={"n": n}, results={"square": n * n})
    store.close()
    return folder / "runs.sqlite"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def squares(store: Store) -> list[int]:
    return sorted(run.results["square"] for run in store.runs())


@contextmanager
def limited(what: int, value: int) -> Iterator[None]:
    """Hold a resource of this process to a limit."""
    soft, hard = resource.getrlimit(what)
    resource.setrlimit(what, (value, hard))
    try:
        yield
    finally:
        resource.setrlimit(what, (soft, hard))


@contextmanager
def without_rights(folder: Path, mode: int) -> Iterator[None]:
    """Take rights from a folder; the superuser gives up being one meanwhile."""
    root = os.geteuid() == 0
    for path in (folder, *folder.rglob("*")):
        if root:
            os.chown(path, NOBODY, NOBODY)
    folder.chmod(mode)
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o700)


@contextmanager
def few_descriptors(free: int) -> Iterator[None]:
    """Leave so many file descriptors."""
    held = []
    with limited(resource.RLIMIT_NOFILE, 256):
        try:
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            for descriptor in held[:free]:
                os.close(descriptor)
        try:
            yield
        finally:
            for descriptor in held[free:]:
                os.close(descriptor)


def test_a_full_disk_sets_nothing_aside_and_reads(folder: Path) -> None:
    path = workspace(folder)
    before = path.read_bytes()
    with limited(resource.RLIMIT_FSIZE, 0):
        store = Store(folder)
        assert store.damage is None
        assert squares(store) == [0, 1, 4]
        with pytest.raises(WorkbenchError) as met:
            store.add_run("eval", inputs={}, results={})
        store.close()
    assert "runs.sqlite" in met.value.found
    assert "WORKBENCH_HOME" in met.value.next_step
    assert not [name for name in names(folder) if "damaged" in name or "part" in name]
    assert path.read_bytes() == before
    assert squares(Store(folder)) == [0, 1, 4]


def test_a_new_workspace_on_a_full_disk_leaves_nothing(folder: Path) -> None:
    with limited(resource.RLIMIT_FSIZE, 0), pytest.raises(WorkbenchError) as met:
        Store(folder)
    assert "runs.sqlite cannot be used" in met.value.found
    assert names(folder) == ["lock"]
    assert Store(folder).runs() == ()


def test_a_damaged_database_stays_where_no_new_one_can_be_made(folder: Path) -> None:
    path = workspace(folder)
    data = bytearray(path.read_bytes())
    data[100:4096] = b"\xff" * 3996
    path.write_bytes(data)
    with limited(resource.RLIMIT_FSIZE, 0), pytest.raises(WorkbenchError):
        Store(folder)
    assert path.read_bytes() == data
    assert Store(folder).damage is not None


def test_a_read_only_workspace_is_read(folder: Path) -> None:
    workspace(folder)
    with without_rights(folder, 0o500):
        store = Store(folder)
        assert store.damage is None
        assert squares(store) == [0, 1, 4]
        with pytest.raises(WorkbenchError, match=r"runs\.sqlite cannot be used"):
            store.add_run("eval", inputs={}, results={})
        store.close()
    assert "lock" in names(folder)
    assert squares(Store(folder)) == [0, 1, 4]


def test_a_read_only_workspace_without_its_lock_file_is_read(folder: Path) -> None:
    workspace(folder)
    (folder / "lock").unlink()
    with without_rights(folder, 0o500):
        assert squares(Store(folder)) == [0, 1, 4]


def test_a_killed_writers_log_is_read_where_nothing_can_be_written(
    folder: Path,
) -> None:
    store = Store(folder)
    for n in range(RUNS):
        store.add_run("eval", inputs={"n": n}, results={"square": n * n})
    log = folder / "runs.sqlite-wal"
    assert log.stat().st_size > 0
    with limited(resource.RLIMIT_FSIZE, 0):
        assert squares(Store(folder)) == [0, 1, 4]


def test_an_unreadable_database_is_left_alone(folder: Path) -> None:
    path = workspace(folder)
    with without_rights(folder, 0o700):
        path.chmod(0)
        with pytest.raises(WorkbenchError) as met:
            Store(folder)
        path.chmod(0o600)
    assert os.strerror(errno.EACCES) in met.value.found
    assert not [name for name in names(folder) if "damaged" in name]
    assert squares(Store(folder)) == [0, 1, 4]


@pytest.mark.parametrize("free", range(7))
def test_few_file_descriptors_set_nothing_aside(folder: Path, free: int) -> None:
    workspace(folder)
    said = ""
    with few_descriptors(free):
        try:
            found = squares(Store(folder))
        except WorkbenchError as error:
            found, said = [0, 1, 4], error.found
    assert found == [0, 1, 4]
    assert os.strerror(errno.EMFILE) in said or (free > 1 and not said)
    assert not [name for name in names(folder) if "damaged" in name]
    assert squares(Store(folder)) == [0, 1, 4]


@pytest.mark.parametrize(
    "name",
    [
        "FULL",
        "CANTOPEN",
        "IOERR",
        "BUSY",
        "LOCKED",
        "READONLY",
        "PERM",
        "NOMEM",
        "IOERR_SHMSIZE",
    ],
)
def test_no_error_but_damage_sets_a_database_aside(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = workspace(folder)

    def refuse(*_: object) -> None:
        error = sqlite3.OperationalError(name)
        error.sqlite_errorcode = getattr(sqlite3, f"SQLITE_{name}")
        raise error

    monkeypatch.setattr(database, "open_to_write", refuse)
    assert squares(Store(folder)) == [0, 1, 4]
    monkeypatch.setattr(database, "open_to_read", refuse)
    with pytest.raises(WorkbenchError) as met:
        Store(folder)
    assert str(path) in met.value.found
    assert not [name for name in names(folder) if "damaged" in name]


@pytest.mark.parametrize("name", ["CORRUPT", "NOTADB", "CORRUPT_INDEX"])
def test_broken_content_is_damage(name: str) -> None:
    error = sqlite3.DatabaseError(name)
    error.sqlite_errorcode = getattr(sqlite3, f"SQLITE_{name}")
    assert connection.is_damage(error)


def test_a_log_without_its_database_does_not_enter_the_new_one(folder: Path) -> None:
    store = Store(folder)
    store.add_run("eval", inputs={}, results={"square": 9})
    log = (folder / "runs.sqlite-wal").read_bytes()
    store.close()
    (folder / "runs.sqlite").unlink()
    (folder / "runs.sqlite-wal").write_bytes(log)
    assert Store(folder).runs() == ()


def test_what_a_killed_beginning_left_is_removed(folder: Path) -> None:
    left = folder / ".runs.sqlite.1234.part"
    left.write_bytes(b"half")
    (folder / ".runs.sqlite.1234.part-journal").write_bytes(b"half")
    Store(folder)
    assert [name for name in names(folder) if "part" in name] == []


def test_a_command_says_in_one_line_why_it_was_not_recorded(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(folder))
    workspace(folder)
    with limited(resource.RLIMIT_FSIZE, 0):
        assert record_inputs("eval", {}, {}) is None
    said = capsys.readouterr().err
    assert said.startswith(f"not recorded: {folder / 'runs.sqlite'} cannot be used (")
    assert said.count("\n") == 1
