"""Sweeps as files: Distiller's and NNI's forms, written and read."""

from dataclasses import replace
from pathlib import Path

import pytest

import workbench as wb
from tests.support.pruning_networks import network
from tests.support.sweep_data import val_data
from workbench.analysis.sensitivity.csv_file import read_csv, write_long, write_wide
from workbench.analysis.sensitivity.rows import Sweep
from workbench.errors import WorkbenchError


@pytest.fixture(scope="module")
def sweep() -> Sweep:
    net = network("concat")
    return wb.sensitivity(
        net,
        val_data(net),
        methods=("magnitude", "filter"),
        sparsities=(0.5, 0.9),
        options=wb.SweepOptions(latency="model"),
    )


def test_our_long_form_comes_back_as_it_was(sweep: Sweep, tmp_path: Path) -> None:
    path = tmp_path / "sweep.csv"
    write_long(sweep, path)
    found = read_csv(path)
    assert found.base.top1 == sweep.base.top1
    assert (found.model, found.split, found.latency) == ("concat", "val", "model")
    assert found.model_digest == sweep.model_digest
    assert len(found.rows) == len(sweep.rows)
    for mine, theirs in zip(found.rows, sweep.rows, strict=True):
        assert replace(mine, low=0.0, high=1.0) == replace(theirs, low=0.0, high=1.0)
        assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high))
    assert wb.plan(found, max_drop=0.1) == wb.plan(sweep, max_drop=0.1)


def test_the_first_columns_are_distillers(sweep: Sweep, tmp_path: Path) -> None:
    path = tmp_path / "sweep.csv"
    write_long(sweep, path)
    lines = path.read_text().splitlines()
    assert lines[0].startswith("parameter,sparsity,top1,top5,loss,method,")
    assert lines[1].split(",")[:3] == ["dense", "0.0", f"{100 * sweep.base.top1}"]
    assert lines[2].startswith("stem.weight,0.5,")


def test_a_file_of_distiller_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sensitivity.csv"
    path.write_text(
        "parameter,sparsity,top1,top5,loss\n"
        "module.layer1.0.conv1.weight,0.00,91.78,99.61,0.3501\n"
        "module.layer1.0.conv1.weight,0.05,91.69,99.63,0.3531\n"
    )
    found = read_csv(path)
    (row,) = found.rows
    assert (row.subject, row.sparsity, row.method) == (
        "layer1.0.conv1",
        0.05,
        "magnitude",
    )
    assert (row.top1, row.top5) == (pytest.approx(0.9169), pytest.approx(0.9963))
    assert found.base.top1 == pytest.approx(0.9178)
    assert (row.n, row.low, row.high) == (0, 0.0, 1.0)
    assert found.drop(row) == pytest.approx(0.0009)


def test_nni_form_is_written_and_read(sweep: Sweep, tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    write_wide(sweep, path, method="magnitude")
    lines = path.read_text().splitlines()
    assert lines[0] == "layername,0.5,0.9"
    assert len(lines) == 1 + len(network("concat").layers)
    found = read_csv(path, dense_top1=sweep.base.top1)
    at = {
        (r.subject, r.sparsity): r.top1 for r in sweep.rows if r.method == "magnitude"
    }
    assert {(r.subject, r.sparsity): r.top1 for r in found.rows} == at


def test_an_nni_file_with_gaps(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text("layername,0,0.05,0.1\nfeatures.0,0.6,0.54566,\n")
    found = read_csv(path)
    assert [(r.subject, r.sparsity, r.top1) for r in found.rows] == [
        ("features.0", 0.05, 0.54566)
    ]
    assert found.base.top1 == 0.6


def test_files_that_are_none_are_refused(sweep: Sweep, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    with pytest.raises(WorkbenchError, match="cannot be read"):
        read_csv(path)
    path.write_text("")
    with pytest.raises(WorkbenchError, match=r"columns \(none\)"):
        read_csv(path)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(WorkbenchError, match="columns a, b"):
        read_csv(path)
    path.write_text("parameter,sparsity,top1\nconv1.weight,0.5,ninety\n")
    with pytest.raises(WorkbenchError, match="line 2"):
        read_csv(path)
    path.write_text("layername,0.5\nconv1,0.5\n")
    with pytest.raises(WorkbenchError, match="without a line of sparsity 0"):
        read_csv(path)
    with pytest.raises(WorkbenchError, match="for one wide table"):
        write_wide(sweep, path)
    with pytest.raises(WorkbenchError, match="metric 'ms'"):
        write_wide(sweep, path, method="filter", metric="ms")
    with pytest.raises(WorkbenchError, match="cannot be written"):
        write_long(sweep, tmp_path / "no" / "x.csv")
