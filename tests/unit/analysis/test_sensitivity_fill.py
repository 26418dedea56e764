"""Sweeps of other tools: what they do not say is counted, or named as missing."""

from pathlib import Path

import pytest
import torch
from torch import nn

import workbench as wb
from workbench.analysis.planner.planner import Budget, make_plan
from workbench.analysis.sensitivity.csv_file import read_csv
from workbench.analysis.sensitivity.fill import filled
from workbench.analysis.sensitivity.grid import SweepOptions
from workbench.errors import WorkbenchError
from workbench.models.inspect import from_module

# As Distiller writes it: percent, names of a DataParallel module, a dense line.
LONG = """parameter,sparsity,top1,top5,loss
module.conv1.weight,0.0,98.0,100.0,0.10
module.conv1.weight,0.5,97.0,100.0,0.13
module.conv2.weight,0.5,97.5,100.0,0.11
module.conv2.weight,0.9,60.0,95.0,1.30
module.fc1.weight,0.9,97.9,100.0,0.105
"""
# As NNI writes it: one metric, a gap.
WIDE = """layername,0.0,0.5,0.9
conv1,0.98,0.97,
conv2,0.98,0.975,0.60
fc1,0.98,0.98,0.979
"""


@pytest.fixture(params=["long", "wide"])
def theirs(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    file = tmp_path / "theirs.csv"
    file.write_text(LONG if request.param == "long" else WIDE)
    return file


def test_what_is_missing_is_named_with_the_way_out(theirs: Path) -> None:
    sweep = read_csv(theirs)
    rows = len(sweep.rows)
    with pytest.raises(WorkbenchError) as caught:
        wb.plan(sweep, max_drop=0.01)
    assert f"{rows} of {rows} rows without weights_removed, macs and bytes" in str(
        caught.value
    )
    assert "--model" in caught.value.next_step


def test_their_sweep_plans_for_macs_bytes_and_drop(theirs: Path) -> None:
    network = wb.load_model("lenet5-mnist5k")
    sweep = filled(read_csv(theirs), network, SweepOptions())
    dense = wb.layer_costs(network)
    assert (sweep.base.macs, sweep.base.bytes) == (dense.macs, dense.sparse_bytes)
    assert sweep.model == "lenet5-mnist5k"
    for row in sweep.rows:
        recipe = wb.Recipe.uniform("magnitude", row.sparsity, match=row.subject)
        pruned = wb.prune(network, recipe)
        cost = wb.layer_costs(pruned)
        assert (row.macs, row.bytes) == (cost.macs, cost.sparse_bytes)
        assert row.weights_removed == pruned.report.zeros > 0
        assert row.reached == pytest.approx(row.sparsity, abs=0.01)
    # conv2 at 0.9 loses 38 points; within 1.2 points conv2 at 0.5 and fc1 fit, with
    # half an image for each and half as much again for both at once.
    recipe = wb.plan(sweep, max_drop=0.012)
    assert [(r.match, r.params.sparsity) for r in recipe.layers] == [
        ("conv2", 0.5),
        ("fc1", 0.9),
    ]
    # fc1 at 0.9 costs least, by loss as by top-1, and saves most of the bytes.
    assert [r.match for r in wb.plan(sweep, bytes=0.6 * dense.sparse_bytes).layers] == [
        "fc1"
    ]
    with pytest.raises(WorkbenchError, match="without latency"):
        wb.plan(sweep, latency_ms=1.0)


def test_their_cells_can_be_timed_for_a_budget_in_ms(theirs: Path) -> None:
    network = wb.load_model("lenet5-mnist5k")
    sweep = filled(read_csv(theirs), network, SweepOptions(latency="model"))
    assert sweep.latency == "model"
    assert sweep.base.network_ms is not None
    assert all(row.network_ms is not None for row in sweep.rows)
    assert all(0 < (row.layer_ms or 0) <= (row.network_ms or 0) for row in sweep.rows)
    again = filled(sweep, network, SweepOptions(latency="model"))
    assert again == sweep


def test_a_plan_from_top1_alone_predicts_no_loss(tmp_path: Path) -> None:
    file = tmp_path / "wide.csv"
    file.write_text(WIDE)
    network = wb.load_model("lenet5-mnist5k")
    sweep = filled(read_csv(file), network, SweepOptions())
    assert not sweep.has_loss
    made = make_plan(sweep, Budget("macs", limit=0.8 * sweep.base.macs))
    assert made.predicted.loss is None
    assert made.predicted.drop == pytest.approx(0.005)
    # conv2 alone saves enough; fc1 at 0.5 lost nothing, but could.
    assert [row.key for row in made.rows] == ["conv2 magnitude 0.5"]


def test_names_that_are_no_layers_are_told(tmp_path: Path) -> None:
    file = tmp_path / "theirs.csv"
    file.write_text(LONG.replace("conv2", "features.3"))
    network = wb.load_model("lenet5-mnist5k")
    with pytest.raises(WorkbenchError, match=r"no layers of 'lenet5.*features\.3"):
        filled(read_csv(file), network, SweepOptions())


def test_lines_whose_channels_stay_are_skipped_with_the_reason(tmp_path: Path) -> None:
    torch.manual_seed(0)
    parts = (
        nn.Conv2d(3, 8, 3, padding=1),
        nn.LayerNorm((8, 8, 8)),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 4),
    )
    network = from_module(nn.Sequential(*parts), input_shape=(3, 8, 8))
    file = tmp_path / "theirs.csv"
    file.write_text(
        "parameter,sparsity,top1,top5,loss,method\n"
        "0.weight,0.0,98.0,100.0,0.10,filter\n"
        "0.weight,0.5,97.0,100.0,0.13,filter\n"
        "2.weight,0.5,97.5,100.0,0.11,filter\n"
        "6.weight,0.5,97.5,100.0,0.11,filter\n"
        "0.weight,0.5,97.5,100.0,0.11,channel\n"
    )
    sweep = filled(read_csv(file), network, SweepOptions())
    assert [(row.subject, row.filters_removed) for row in sweep.rows] == [("2", 4)]
    assert [(one.subject, one.method, one.reason) for one in sweep.skipped] == [
        (
            "0",
            "filter",
            "rule '0': channels of '0' that cannot be removed: all 8 of them can only "
            "go together (native_layer_norm in '1' (LayerNorm) measures them together)",
        ),
        (
            "6",
            "filter",
            "rule '6': channels of '6' that cannot be removed: these channels are the "
            "network's output",
        ),
        (
            "0",
            "channel",
            "layer '0', which has no channels that 'channel' could take",
        ),
    ]
