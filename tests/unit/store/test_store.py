"""Runs are recorded, found, compared; two processes and kill -9 do no harm."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.store.run import compare_runs, run_key
from workbench.store.store import Store

WRITER = """
import sys
from workbench.store.store import Store
store = Store(sys.argv[1])
for n in range(int(sys.argv[3])):
    store.add_run("eval", inputs={"who": sys.argv[2], "n": n}, results={"top1": n})
"""
ROW_WRITER = """
import itertools, sys
from workbench.store.store import Store
store = Store(sys.argv[1])
run = store.start_run("sweep", inputs={"model": "m"})
print(run, flush=True)
for n in itertools.count():
    store.add_row(run, f"cell-{n}", {"n": n, "text": "x" * 2000})
    print(n, flush=True)
"""


def test_a_run_comes_back_as_it_was_recorded(tmp_path: Path) -> None:
    store = Store(tmp_path / "w")
    inputs = {"model": "a" * 64, "seed": 0}
    run = store.add_run("eval", inputs=inputs, results={"top1": 0.91, "n": 500})
    assert run.status == "done"
    assert Store(tmp_path / "w").get(run.id) == run
    assert store.get(run.id[:-3]) == run
    assert run.key == run_key("eval", {"seed": 0, "model": "a" * 64})
    assert store.runs(key=run.key) == (run,)
    assert store.runs(kind="bench") == ()
    assert run.to_dict()["results"] == {"top1": 0.91, "n": 500}


def test_the_newest_run_comes_first_and_the_limit_holds(tmp_path: Path) -> None:
    store = Store(tmp_path)
    ids = [store.add_run("eval", inputs={"n": n}, results={}).id for n in range(5)]
    assert [run.id for run in store.runs()] == ids[::-1]
    assert len(store.runs(limit=2)) == 2


def test_rows_of_a_running_run_are_kept_and_replaced_by_key(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run_id = store.start_run("sweep", inputs={"model": "m"})
    store.add_row(run_id, "conv1@0.5", {"top1": 0.8})
    store.add_row(run_id, "conv2@0.5", {"top1": 0.7})
    store.add_row(run_id, "conv1@0.5", {"top1": 0.9})
    assert store.get(run_id).status == "running"
    assert store.rows(run_id)["conv1@0.5"] == {"top1": 0.9}
    assert store.get(run_id).rows == 2
    run = store.finish(run_id, results={}, status="failed", error="no data")
    assert (run.status, run.error, run.rows) == ("failed", "no data", 2)


def test_compare_names_what_differs_whatever_the_order(tmp_path: Path) -> None:
    store = Store(tmp_path)
    rows = [{"name": "torch", "ms": 4.0}, {"name": "ours", "ms": 2.0}]
    a = store.add_run("bench", inputs={"m": 1}, results={"rows": rows})
    faster = [{"name": "ours", "ms": 1.5}, {"name": "torch", "ms": 4.0}]
    b = store.add_run("bench", inputs={"m": 1}, results={"rows": faster, "n": 3})
    found = store.compare(a.id, b.id)
    assert [(d.name, d.a, d.b, d.delta) for d in found] == [
        ("results.n", None, 3, None),
        ("results.rows.ours.ms", 2.0, 1.5, -0.5),
    ]
    assert compare_runs(a, a) == ()


def test_rm_deletes_the_run_and_only_files_nobody_else_keeps(tmp_path: Path) -> None:
    store = Store(tmp_path)
    a = store.add_run("export", inputs={"n": 1}, results={})
    b = store.add_run("export", inputs={"n": 2}, results={})
    shared = store.attach(a.id, "w", b"shared")
    assert store.attach(b.id, "w", b"shared") == shared
    own = store.attach(a.id, "own", b"only a")
    assert store.attachments(a.id) == {"own": own, "w": shared}
    store.rm(a.id)
    assert store.read(shared) == b"shared"
    with pytest.raises(WorkbenchError, match="no stored file"):
        store.read(own)
    with pytest.raises(WorkbenchError, match="no run"):
        store.get(a.id)


def test_a_kept_file_that_changed_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run = store.add_run("export", inputs={}, results={})
    digest = store.attach(run.id, "w", b"weights")
    (tmp_path / "files" / digest[:2] / digest).write_bytes(b"weights!")
    with pytest.raises(WorkbenchError, match="does not fit its name"):
        store.read(digest)


def test_values_that_json_cannot_hold_are_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for value in (float("nan"), object()):
        with pytest.raises(WorkbenchError, match="JSON cannot hold"):
            store.add_run("eval", inputs={}, results={"loss": value})
    assert store.runs() == ()


def test_unknown_and_ambiguous_ids_say_what_to_do(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for n in range(2):
        store.add_run("eval", inputs={"n": n}, results={})
    with pytest.raises(WorkbenchError, match="more than one run"):
        store.get("2")
    for missing in ("nope", ""):
        with pytest.raises(WorkbenchError):
            store.get(missing)
    with pytest.raises(WorkbenchError, match="no run 'nope'"):
        store.finish("nope", results={})


def test_the_workspace_is_named_by_argument_variable_or_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WORKBENCH_HOME", raising=False)
    assert Store().folder == Path(".workbench")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    assert Store().folder == tmp_path / "home"
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkbenchError, match="cannot make the workspace"):
        Store(tmp_path / "file" / "below")


def test_two_processes_write_at_once_and_lose_nothing(tmp_path: Path) -> None:
    count = 40
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, tmp_path, who, str(count)])
        for who in ("a", "b")
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    store = Store(tmp_path)
    assert store.damage is None
    found = {(run.inputs["who"], run.inputs["n"]) for run in store.runs(limit=200)}
    assert found == {(who, n) for who in ("a", "b") for n in range(count)}


@pytest.mark.parametrize("rows_before_kill", [1, 17])
def test_kill_9_loses_at_most_the_row_being_written(
    tmp_path: Path, rows_before_kill: int
) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", ROW_WRITER, tmp_path],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    run_id = writer.stdout.readline().strip()
    for _ in range(rows_before_kill):
        writer.stdout.readline()
    os.kill(writer.pid, signal.SIGKILL)
    said = rows_before_kill + len(writer.stdout.read().split())
    writer.wait()
    store = Store(tmp_path)
    assert store.damage is None
    kept = store.rows(run_id)
    assert said <= len(kept) <= said + 1
    assert [row["n"] for row in kept.values()] == list(range(len(kept)))
    assert store.get(run_id).status == "interrupted"
