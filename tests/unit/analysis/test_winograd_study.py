"""The proof, errors by dimension, rows of a network, and the command."""

import json
from fractions import Fraction

import numpy as np
import pytest
from typer.testing import CliRunner

import workbench as wb
from tests.support.small_networks import small_network, small_pruned
from workbench.analysis.algorithms.winograd import random_weight, rank_points
from workbench.analysis.algorithms.winograd_study import (
    computes_correlation,
    error_in,
    study,
)
from workbench.cli.main import build
from workbench.engine.winograd.cook_toom import Transform, cook_toom
from workbench.errors import WorkbenchError


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Keep what the command records out of the working directory."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize("m", range(1, 9))
@pytest.mark.parametrize("r", range(2, 8))
def test_matrices_compute_correlation_for_every_input(m, r):
    assert computes_correlation(cook_toom(m, r))


def test_the_proof_fails_for_wrong_matrices():
    right = cook_toom(2, 3)
    rows = list(right.g)
    rows[1] = (rows[1][0] + Fraction(1, 1000), *rows[1][1:])
    wrong = Transform(2, 3, right.points, right.at, tuple(rows), right.bt)
    assert not computes_correlation(wrong)


def test_error_grows_with_dimensions_and_tile():
    small = [error_in(cook_toom(2, 3), dims).rms for dims in (1, 2, 3)]
    large = [error_in(cook_toom(6, 3), dims).rms for dims in (1, 2, 3)]
    assert large == sorted(large)
    assert all(a < b for a, b in zip(small, large, strict=True))
    assert 1e-8 < small[0] < 1e-6
    with pytest.raises(WorkbenchError, match="4 dimensions"):
        error_in(cook_toom(2, 3), 4)


def test_points_are_ranked_for_other_kernels():
    candidates = [Fraction(1, 2), Fraction(1), Fraction(2), Fraction(8)]
    rows = rank_points(2, candidates, weight=random_weight(4, 8, size=5))
    # F(2, 5) takes five points: 0 and two of the four pairs.
    assert len(rows) == 6
    assert [row.error.rms for row in rows] == sorted(row.error.rms for row in rows)
    assert Fraction(8) not in rows[0].points
    with pytest.raises(WorkbenchError, match=r"F\(3, 3\)"):
        rank_points(3, candidates, weight=random_weight(2, 2))


def test_study_of_a_pruned_network():
    rows = study(small_pruned(), (2, 4))
    assert [row.id for row in rows] == ["0", "3"]
    second = rows[1]
    weight = small_pruned().module.state_dict()["3.weight"].numpy()
    assert second.fills[0].spatial_sparsity == pytest.approx(
        float((weight == 0).mean())
    )
    assert second.fills[0].winograd_sparsity < second.fills[0].spatial_sparsity
    errors = dict(second.errors)
    assert 0 < errors[2].rms < errors[4].rms
    with pytest.raises(WorkbenchError, match="layer '7', which Winograd cannot run"):
        study(small_network(), layers=["7"])


def invoke(*arguments):
    return CliRunner().invoke(build(), ["winograd", *arguments])


def test_command_prints_matrices_and_tables():
    shown = invoke("--m", "2", "--r", "3", "--largest", "4")
    assert shown.exit_code == 0, shown.output
    assert "F(2, 3), points 0, 1, -1" in shown.output
    assert "equals the correlation" in shown.output
    assert "1/2" in shown.output


def test_command_gives_json_of_a_network():
    shown = invoke("lenet5-mnist5k", "--largest", "3", "--layer", "conv2", "--json")
    assert shown.exit_code == 0, shown.output
    facts = json.loads(shown.output)
    assert facts["computes_correlation"] is True
    assert [row["multiplies"] for row in facts["operations"]] == [6, 36, 216]
    (layer,) = facts["layers"]
    assert (layer["layer"], layer["r"]) == ("conv2", 5)
    assert [row["m"] for row in layer["errors"]] == [2, 3]
    fill = layer["fill_in"][0]
    assert np.shape(fill["by_coordinate"]) == (6, 6)
    (kept,) = wb.Store().runs()
    assert (kept.kind, kept.inputs["layer"]) == ("winograd", "conv2")
    assert kept.results["layers"] == facts["layers"]


def test_command_explains_wrong_use():
    bad = invoke("--points", "0,x")
    assert "--points '0,x'" in str(bad.exception)
    alone = invoke("--layer", "conv1")
    assert "without a model" in str(alone.exception)
