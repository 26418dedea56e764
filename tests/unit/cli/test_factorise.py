"""The factorise command: its table, its JSON, its file and wrong use."""

import json

import pytest
from typer.testing import CliRunner

import workbench as wb
from workbench.cli.main import build
from workbench.errors import WorkbenchError


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Keep what the command records out of the working directory."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))


def invoke(*arguments):
    return CliRunner().invoke(build(), ["factorise", "lenet5-mnist5k", *arguments])


def test_json_counts_by_hand(tmp_path):
    # Rank r of fc1 (500 x 800) has 1300 r weights; a quarter of 400,000 allows 76.
    out = tmp_path / "net.wbp"
    shown = invoke(
        "--share", "0.25", "--match", "fc1", "--images", "100", "-o", str(out), "--json"
    )
    assert shown.exit_code == 0, shown.output
    facts = json.loads(shown.output)
    (row,) = facts["layers"]
    assert (row["id"], row["rank"]) == ("fc1", 76)
    assert row["factor_params"] == row["factor_macs"] == 76 * 1300
    assert facts["accuracy"]["after, not tuned"]["n"] == 100
    assert facts["accuracy"]["after, not tuned"]["top1"] > 0.9
    assert wb.Program.load(out).input_shape == (1, 28, 28)
    (kept,) = wb.Store().runs()
    assert (kept.kind, kept.inputs["match"]) == ("factorise", "fc1")
    assert kept.inputs["split"] == "test"
    assert kept.results["layers"] == facts["layers"]


@pytest.mark.parametrize("form", ["spatial", "kronecker"])
def test_table_names_the_layers(form):
    shown = invoke("--form", form)
    assert shown.exit_code == 0, shown.output
    assert "conv2" in shown.output
    assert "stored weights" in shown.output


def test_wrong_form_is_explained():
    shown = invoke("--form", "tucker")
    assert isinstance(shown.exception, WorkbenchError)
    assert "form 'tucker'" in str(shown.exception)
