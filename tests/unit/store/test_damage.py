"""A damaged run database is noticed, set aside, named; sound runs are carried over."""

import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.store.run import Run
from workbench.store.store import Store

SEED = 20
FLIPS = 40
PAGE_BYTES = 4096


def workspace(folder: Path, runs: int) -> Path:
    store = Store(folder)
    for n in range(runs):
        store.add_run(
            "eval", inputs={"n": n}, results={"square": n * n, "pad": "x" * 99}
        )
    with sqlite3.connect(folder / "runs.sqlite") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return folder / "runs.sqlite"


@pytest.mark.parametrize(
    "content", [b"", b"this is not a database at all" * 40, b"SQLite format 3\0" * 60]
)
def test_what_is_no_database_is_set_aside_whole(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "runs.sqlite").write_bytes(content)
    store = Store(tmp_path)
    assert store.damage is not None
    assert Path(store.damage.moved_to).read_bytes() == content
    assert store.damage.moved_to in str(store.damage)
    assert store.runs() == ()
    store.add_run("eval", inputs={}, results={})
    assert Store(tmp_path).damage is None
    assert len(Store(tmp_path).runs()) == 1


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.99])
def test_a_truncated_database_is_set_aside(tmp_path: Path, keep: float) -> None:
    path = workspace(tmp_path, 60)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    store = Store(tmp_path)
    assert store.damage is not None
    assert len(store.runs()) == store.damage.rescued
    for run in store.runs():
        assert run.results["square"] == run.inputs["n"] ** 2


def test_runs_outside_the_damage_are_carried_over(tmp_path: Path) -> None:
    path = workspace(tmp_path, 60)
    data = bytearray(path.read_bytes())
    page = data.rindex(b'"square":2500') // PAGE_BYTES * PAGE_BYTES
    data[page : page + 12] = b"\xff" * 12
    path.write_bytes(data)
    store = Store(tmp_path)
    assert store.damage is not None
    assert 0 < store.damage.rescued < 60
    assert len(store.runs()) == store.damage.rescued


def listed(folder: Path) -> tuple[Run, ...]:
    """Return the runs, none when the store refuses in so many words."""
    try:
        return Store(folder).runs()
    except WorkbenchError:
        return ()


def test_a_flipped_bit_never_gives_a_wrong_result(tmp_path: Path) -> None:
    source = workspace(tmp_path / "source", 12)
    data = source.read_bytes()
    rng = random.Random(SEED)
    for at in (rng.randrange(len(data) * 8) for _ in range(FLIPS)):
        folder = tmp_path / "flipped"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        flipped = bytearray(data)
        flipped[at // 8] ^= 1 << at % 8
        (folder / "runs.sqlite").write_bytes(flipped)
        for run in listed(folder):
            if run.status != "damaged":
                n = run.inputs["n"]
                assert run.results["square"] == n * n, f"rerun: SEED={SEED}, bit {at}"


def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = workspace(tmp_path, 1)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(WorkbenchError, match="version 99"):
        Store(tmp_path)
    assert path.read_bytes() == before


def test_a_value_changed_behind_our_back_is_shown_as_damaged(tmp_path: Path) -> None:
    path = workspace(tmp_path, 2)
    with sqlite3.connect(path) as connection:
        connection.execute(
            """UPDATE runs SET results = '{"square":7}' WHERE rowid = 1"""
        )
    connection.close()
    statuses = sorted(run.status for run in Store(tmp_path).runs())
    assert statuses == ["damaged", "done"]
