"""Sweep, plan, runs and report from the command line, as a user chains them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import torch

import workbench as wb
from workbench.analysis.sensitivity.csv_file import read_csv
from workbench.cli.main import main

SWEEP = (
    "sensitivity", "lenet5-mnist5k", "--methods", "magnitude,filter",
    "--sparsities", "0.5,0.9", "--images", "60", "--latency", "model",
)  # fmt: skip
# Starting a Python with torch on a busy machine.
PATIENCE_S = 180.0


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    monkeypatch.setenv("WORKBENCH_HOME", str(folder))
    monkeypatch.setattr(sys, "path", list(sys.path))
    torch.set_num_threads(1)
    return folder


def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["workbench", *(str(word) for word in words)])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def test_from_a_sweep_to_a_proved_recipe_and_a_report(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(*words: object, code: int = 0) -> str:
        ended, out, err = call(monkeypatch, capsys, *words)
        assert ended == code, err
        return out

    csv = tmp_path / "sweep.csv"
    out = run(*SWEEP, "--csv", csv)
    # 4 layers by magnitude, 4 groups by filter, 2 levels each; the classifier's
    # filters are the classes and stay.
    assert "16 cells, about" in out
    assert f"wrote {csv} (14 rows)" in out
    assert "2 cells without numbers" in out
    sweep = read_csv(csv)
    assert (sweep.base.n, sweep.split, sweep.model) == (60, "val", "lenet5-mnist5k")

    recipe = tmp_path / "recipe.yaml"
    target = 0.6 * sweep.base.macs
    facts: dict[str, Any] = json.loads(
        run("plan", csv, "--macs", target, "-o", recipe, "--verify", "--rounds", 1,
            "--json")
    )  # fmt: skip
    assert facts["kept"] is True
    assert facts["actual"]["macs"] <= target
    assert facts["rounds"][0]["predicted"]["macs"] <= target
    pruned = wb.prune(wb.load_model("lenet5-mnist5k"), wb.Recipe.load(recipe))
    assert wb.layer_costs(pruned).macs == facts["actual"]["macs"]

    runs = json.loads(run("runs", "--json"))["runs"]
    assert [one["kind"] for one in runs] == ["plan", "sensitivity"]
    assert runs[1]["inputs"]["dataset_digest"]
    assert facts["run"] == runs[0]["id"]
    report = tmp_path / "report.html"
    run("report", runs[1]["id"], "-o", report)
    text = report.read_text()
    assert text.count("<svg viewBox") >= 2
    assert "magnitude: top-1 against sparsity" in text
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text
    run("runs", "rm", runs[0]["id"])
    left = json.loads(run("runs", "list", "--json"))["runs"]
    assert [one["id"] for one in left] == [runs[1]["id"]]
    assert "expected" in call(monkeypatch, capsys, "runs", "frob")[2].lower()


def test_a_sweep_of_distiller_is_planned_with_the_network_at_hand(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "theirs.csv"
    file.write_text(
        "parameter,sparsity,top1,top5,loss\n"
        "module.conv2.weight,0.5,97.5,100.0,0.11\n"
        "module.fc1.weight,0.9,97.9,100.0,0.105\n"
    )
    plan = ("plan", file, "--macs", "1500000")
    code, _, err = call(monkeypatch, capsys, *plan)
    assert (code, "without a line of sparsity 0" in err) == (2, True)
    plan = (*plan, "--dense-top1", "0.98")
    code, _, err = call(monkeypatch, capsys, *plan)
    assert (code, "without weights_removed, macs and bytes" in err) == (2, True)
    code, out, err = call(
        monkeypatch, capsys, *plan, "--model", "lenet5-mnist5k", "--json"
    )
    assert (code, "counting 2 cells" in err) == (0, True)
    found = json.loads(out)
    assert found["predicted"]["macs"] <= 1500000
    assert "conv2" in found["recipe"]


def test_eval_prune_and_export_are_recorded_and_compared(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    prune = ("prune", "lenet5-mnist5k", "--method", "magnitude", "--sparsity")
    assert call(monkeypatch, capsys, *prune, "0.5")[0] == 0
    assert call(monkeypatch, capsys, *prune, "0.8")[0] == 0
    weights = tmp_path / "w.safetensors"
    assert call(monkeypatch, capsys, "export", "lenet5-mnist5k", "-o", weights)[0] == 0
    kinds = [run.kind for run in wb.Store(home).runs()]
    assert kinds == ["export", "prune", "prune"]
    _, second, first = (run.id for run in wb.Store(home).runs())
    code, out, _ = call(monkeypatch, capsys, "runs", "compare", first, second, "--json")
    assert code == 0
    found = {row["name"]: row for row in json.loads(out)["differences"]}
    assert found["results.sparsity"]["delta"] > 0.2
    assert found["results.layers.fc1.sparsity"]["delta"] == pytest.approx(0.3, abs=1e-3)


def test_a_killed_sweep_is_resumed_to_the_file_of_an_uninterrupted_one(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    resumed, whole = tmp_path / "resumed.csv", tmp_path / "whole.csv"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "workbench", *SWEEP]
    killed = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    asked = monotonic()
    cells = 0
    while cells < 4 and monotonic() - asked < PATIENCE_S and killed.poll() is None:
        # Looking all the time would take the core from the one that is looked at.
        sleep(0.2)
        if (home / "runs.sqlite").exists():
            store = wb.Store(home)
            cells = sum(run.rows for run in store.runs())
            store.close()
    killed.send_signal(signal.SIGKILL)
    killed.wait(PATIENCE_S)
    assert cells >= 4
    store = wb.Store(home)
    (run,) = store.runs()
    before = {k: v for k, v in store.rows(run.id).items() if "reason" not in v}
    assert run.status in ("interrupted", "done")
    again = subprocess.run(
        [*command, "--json", "--csv", str(resumed)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    facts = json.loads(again.stdout)
    assert len(facts["rows"]) == 14
    newest = store.runs()[0]
    assert newest.status == "done"
    after = store.rows(newest.id)
    # What was known before the kill is the same in the new run, to the last bit.
    assert {key: after[key] for key in before} == before
    assert any(key not in before for key in after)
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "elsewhere"))
    assert call(monkeypatch, capsys, *SWEEP, "--csv", whole)[0] == 0
    # Every byte: accuracies, losses, divergences, counts, and times of the cost model.
    assert resumed.read_bytes() == whole.read_bytes()
