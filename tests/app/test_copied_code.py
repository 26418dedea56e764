"""Copied code, run as it stands: files, accuracies and digests as on the page."""

import shlex
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

import workbench as wb
from tests.app.conftest import TIMEOUT_S, open_page
from tests.support import ROOT
from workbench.cli.main import build
from workbench.jobs.registry import registry
from workbench.models.network import Network
from workbench.ui.components.runs.export_code import Subject, command_of, script_of
from workbench.ui.services import code, exports
from workbench.workflows.break_even.order import SPARSITIES


@pytest.fixture(scope="module")
def lenet() -> Network:
    return wb.load_model("lenet5-mnist5k")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory that copied code writes into."""
    here = tmp_path / "copied"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


def execute(script: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(script, "copied", "exec"), names)
    return names


def shell(text: str) -> list[str]:
    """Run the workbench lines of a command; return what they printed."""
    printed = []
    lines = text.splitlines()
    if lines[0].startswith("cat >"):
        end = lines.index("END")
        Path(code.FILE).write_text("\n".join(lines[1:end]) + "\n")
        lines = lines[end + 1 :]
    for line in lines:
        words = shlex.split(line)
        assert words[:3] == ["python", "-m", "workbench"], line
        result = CliRunner().invoke(build(), words[3:])
        assert result.exit_code == 0, (line, result.output, result.exception)
        printed.append(result.output)
    return printed


@pytest.mark.parametrize("variant", [exports.RAW, exports.PALETTE, exports.FACTORS])
def test_the_script_and_the_command_of_an_export_write_the_same_network(
    lenet: Network, folder: Path, variant: str
) -> None:
    pruned = wb.prune(lenet, wb.Recipe.uniform("magnitude", 0.8))
    how = exports.Making()
    subject = Subject(lenet, pruned, variant, how)
    form = "wbz" if variant == exports.PALETTE else "wbp"
    names = execute(script_of(subject, (form,)))
    written = folder / f"{form}.{form}"
    first = written.read_bytes()
    wanted = exports.network_of(variant, lenet, pruned, how)
    assert names["made"].digest == wanted.digest
    written.unlink()
    assert any("ok" in text for text in shell(command_of(subject, (form,))))
    assert abs(len(written.read_bytes()) - len(first)) < 2000


def blocks(app: AppTest, language: str) -> list[str]:
    return [one.value for one in app.code if one.language == language]


def prune_at_home(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open LeNet-5 on the page Prune, in the project's folder, and take a preset."""
    app.query_params["model"] = "lenet5-mnist5k"
    monkeypatch.chdir(ROOT)
    open_page(app, "prune")
    app.button(key="preset-magnitude").click().run()


def test_the_code_of_the_page_prune_runs_without_a_file(
    app: AppTest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prune_at_home(app, monkeypatch)
    (script,) = (text for text in blocks(app, "python") if "wb.bench(" in text)
    monkeypatch.chdir(folder)
    # The measurement alone takes ten seconds; its line is tried on the page Speed.
    names = execute(script.rpartition("print(wb.bench")[0])
    assert names["pruned"].report.sparsity == pytest.approx(0.79, abs=0.01)
    (command,) = (text for text in blocks(app, "bash") if " prune " in text)
    printed = shell(command.rpartition("python -m workbench bench")[0].rstrip())
    assert (folder / "pruned.safetensors").exists()
    assert "98." in printed[1] or "97." in printed[1]


def test_the_code_of_the_page_speed_measures_what_the_page_measures(
    app: AppTest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.query_params["model"] = "lenet5-mnist5k"
    app.query_params["seconds"] = "1"
    monkeypatch.chdir(ROOT)
    open_page(app, "speed")
    (script,) = (text for text in blocks(app, "python") if "budget_s=" in text)
    monkeypatch.chdir(folder)
    found = execute(script)["found"]
    assert {"torch dense", "workbench dense"} <= {row.name for row in found.timed}


def test_the_code_of_the_algorithms_times_the_shape_of_the_page(
    app: AppTest, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(ROOT)
    open_page(app, "speed")
    app.session_state["explore"] = "Algorithms"
    app.session_state["ch"], app.session_state["img"] = 4, 7
    app.run()
    (script,) = (text for text in blocks(app, "python") if "ConvShape" in text)
    monkeypatch.chdir(folder)
    execute(script.replace("seconds=3", "seconds=0.2"))
    assert "algorithm=" in capsys.readouterr().out


def test_the_code_of_the_page_train_trains_and_keeps_the_zeros(
    app: AppTest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prune_at_home(app, monkeypatch)
    app.switch_page("workbench/ui/pages/train.py").run()
    app.number_input(key="epochs").set_value(1).run()
    app.session_state["images"] = 500
    app.run()
    assert not app.exception
    (script,) = (text for text in blocks(app, "python") if "wb.finetune(" in text)
    (command,) = (text for text in blocks(app, "bash") if " finetune " in text)
    monkeypatch.chdir(folder)
    names = execute(script)
    assert names["tuned"].report.zeros == names["pruned"].report.zeros > 0
    assert len(names["train"]) == 500
    (folder / "tuned.safetensors").unlink()
    shell(command)
    assert (folder / "tuned.safetensors").stat().st_size > 1_000_000


def test_the_code_of_the_threads_measures_every_number_of_them(
    app: AppTest, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr("workbench.ui.components.speed.thread_sweep.SECONDS", 0.2)
    monkeypatch.setattr(
        "workbench.ui.components.speed.thread_sweep.counts", lambda: (1,)
    )
    app.query_params["model"] = "lenet5-mnist5k"
    monkeypatch.chdir(ROOT)
    open_page(app, "speed")
    app.session_state["explore"] = "Threads"
    app.run()
    (script,) = (text for text in blocks(app, "python") if "for threads in" in text)
    (command,) = (
        text for text in blocks(app, "bash") if text.endswith("--seconds 0.2")
    )
    monkeypatch.chdir(folder)
    execute(script)
    assert "workbench dense" in capsys.readouterr().out
    assert any("workbench dense" in text for text in shell(command))


def test_the_code_of_the_page_model_prints_the_accuracy_of_the_page(
    app: AppTest, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    app.query_params["model"] = "lenet5-mnist5k"
    app.query_params["data"] = "test"
    monkeypatch.chdir(ROOT)
    open_page(app, "model")
    shown = next(one.value for one in app.metric if one.label == "Top-1 accuracy")
    (script,) = blocks(app, "python")
    (command,) = blocks(app, "bash")
    monkeypatch.chdir(folder)
    execute(script)
    top1 = float(shown.partition("\u00a0")[0]) / 100
    assert f"Accuracy(top1={top1:g}, " in capsys.readouterr().out
    assert shown.partition("\u00a0")[0] in shell(command)[1]


def test_the_code_of_the_pages_sensitivity_and_plan_gives_their_recipe(
    app: AppTest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.query_params["model"] = "lenet5-mnist5k"
    app.query_params["lose"] = "10"
    monkeypatch.chdir(ROOT)
    open_page(app, "sensitivity")
    app.session_state["levels"] = ["50 %", "90 %"]
    app.run()
    next(one for one in app.button if one.label == "Start").click().run()
    assert registry().jobs()[0].wait(TIMEOUT_S).state == "done"
    app.run()
    assert not app.exception
    sweep_script, plan_script, proof_script = blocks(app, "python")
    sweep_command, plan_command, proof_command = blocks(app, "bash")
    shown = app.dataframe[0].value
    (message,) = (
        one.value for one in app.markdown if one.value.startswith("Predicted: ")
    )
    monkeypatch.chdir(folder)
    names = execute(f"{sweep_script}\n{plan_script}")
    mine = {
        (row.subject, round(row.sparsity, 3)): row.top1 for row in names["sweep"].rows
    }
    for row in shown.to_dict("records"):
        top1 = mine[row["layer"], round(row["sparsity"] / 100, 3)]
        assert row["top1"] == pytest.approx(100 * top1)
    rules = [rule for rule in names["recipe"].layers if rule.method != "none"]
    assert rules
    assert all(f"{rule.match} {rule.method}" in message for rule in rules)
    rounds = execute(f"{sweep_script}\n{proof_script}")["rounds"]
    assert rounds[0].plan.recipe == names["recipe"]
    shell(sweep_command)
    shell(plan_command)
    assert wb.Recipe.load("recipe.yaml") == names["recipe"]
    Path("recipe.yaml").unlink()
    assert "chosen: round" in shell(proof_command)[0]
    assert Path("recipe.yaml").exists()


def test_the_code_of_a_break_even_measures_the_levels_of_the_page(
    app: AppTest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.query_params["model"] = "lenet5-mnist5k"
    monkeypatch.chdir(ROOT)
    open_page(app, "speed")
    app.selectbox(key="evenlayer").select("conv2").run()
    (script,) = (text for text in blocks(app, "python") if "break_even(" in text)
    monkeypatch.chdir(folder)
    found = execute(script)["found"].to_dict()
    (command,) = (text for text in blocks(app, "bash") if "--break-even" in text)
    table = shell(command)[0]
    assert "conv2" in table
    assert "magnitude" in table
    assert "kernel" not in table.partition("break-even")[2].partition("ms:")[0]
    assert (found["layer"], found["sparsities"]) == ("conv2", SPARSITIES)
    assert found["curves"][0]["method"] == "magnitude"
