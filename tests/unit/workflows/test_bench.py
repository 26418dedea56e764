"""One record of a measurement: what the command line keeps, the page finds."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import workbench as wb
from workbench.cli.main import build
from workbench.ui.services import runs
from workbench.workflows import orders
from workbench.workflows.bench import BenchOrder


def order(model: str = "lenet5-mnist5k", threads: int = 1) -> BenchOrder:
    return BenchOrder(wb.load_model(model), None, threads, 1.0, ("torch",))


def test_the_page_finds_what_the_command_line_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    words = ["bench", "lenet5-mnist5k", "--seconds", "0.1", "--budget", "0.1"]
    shown = CliRunner().invoke(build(), words)
    assert shown.exit_code == 0, shown.output
    found = orders.recorded(order())
    assert found is not None
    assert f"kept as run {found.id}" in shown.output
    assert [row["name"] for row in found.results["latency"]["rows"]] == [
        "torch dense",
        "workbench dense",
    ]
    (said,) = found.results["latency"]["comparisons"]
    assert (said["name"], said["baseline"]) == ("workbench dense", "torch dense")
    assert "machine not recorded" not in runs.time_shown(found)
    # Other weights, other threads: other questions.
    assert orders.recorded(order(threads=2)) is None
    assert orders.recorded(order("minivgg-mnist5k")) is None


def test_the_newest_finished_run_answers(tmp_path: Path) -> None:
    store = wb.Store(tmp_path)
    asked = {"model": "a"}
    assert store.newest("bench", asked) is None
    first = store.add_run("bench", inputs=asked, results={"n": 1})
    second = store.add_run("bench", inputs=asked, results={"n": 2})
    store.add_run("bench", inputs={"model": "b"}, results={"n": 3})
    store.add_run("eval", inputs=asked, results={"n": 4})
    for status in ("cancelled", "failed"):
        store.finish(store.start_run("bench", inputs=asked), results={}, status=status)
    store.start_run("bench", inputs=asked)
    found = store.newest("bench", asked)
    assert found is not None
    assert (found.id, found.results) == (second.id, {"n": 2})
    store.rm(second.id)
    found = store.newest("bench", asked)
    assert found is not None
    assert found.id == first.id
