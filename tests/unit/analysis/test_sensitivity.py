"""Sweeps: every number of a cell, and cells that must not be mistaken for good."""

import math
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import workbench as wb
from tests.support.pruning_networks import network
from tests.support.sweep_data import val_data
from workbench.analysis.sensitivity.change import Change
from workbench.analysis.sensitivity.grid import SweepOptions, grid, parse_method
from workbench.analysis.sensitivity.rows import Skipped, Sweep, SweepRow
from workbench.analysis.sensitivity.sweeper import (
    Sweeper,
    evaluate_dense,
    stops,
    suffix_share,
)
from workbench.errors import WorkbenchError
from workbench.models.network import Network
from workbench.pruning import Recipe, prune
from workbench.workflows.sweep.order import SweepOrder

METHODS = ("magnitude", "kernel", "filter", "pattern", "block", "stripe")
if not os.environ.get("CI"):
    METHODS = ("magnitude", "filter", "pattern")


def sweep_of(net: Network, **options: object) -> Sweep:
    return wb.sensitivity(
        net,
        val_data(net),
        methods=("magnitude", "filter"),
        sparsities=(0.5, 0.9),
        options=SweepOptions(batch=16, **options),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("method", METHODS)
def test_a_sweep_gives_exactly_what_the_naive_loop_gives(method: str) -> None:
    net = network("residual")
    data = val_data(net)
    options = SweepOptions(batch=16)
    sweep = wb.sensitivity(
        net, data, methods=(method,), sparsities=(0.6, 0.9), options=options
    )
    dense = net.module(data.tensor()).detach().double()
    assert {row.granularity for row in sweep.rows} == {
        "element" if method == "magnitude" else method
    }
    for row in sweep.rows:
        recipe = Recipe.uniform(method, row.sparsity, match=row.subject)
        pruned = prune(net, recipe)
        naive = wb.evaluate(pruned, data, batch_size=16)
        assert (row.top1, row.top5, row.loss) == (naive.top1, naive.top5, naive.loss)
        assert (row.n, (row.low, row.high)) == (50, naive.interval)
        cost = wb.layer_costs(pruned)
        assert (row.macs, row.bytes) == (cost.macs, cost.sparse_bytes)
        assert row.weights_removed == pruned.report.zeros > 0
        assert row.filters_removed == pruned.report.filters_removed
        scores = pruned.module(data.tensor()).detach().double()
        moved = float((scores - dense).norm() / dense.norm())
        assert row.output_l2 == pytest.approx(moved, rel=1e-5)
        logs = dense.log_softmax(1)
        kl = float((logs.exp() * (logs - scores.log_softmax(1))).sum() / 50)
        assert row.output_kl == pytest.approx(kl, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("criterion", ["taylor", "apoz"])
def test_criteria_that_look_at_images_take_the_training_split(criterion: str) -> None:
    net = network("residual")
    data, train = val_data(net), val_data(net, 30, split="train")
    method = f"filter:criterion={criterion}"
    with pytest.raises(WorkbenchError, match="without calibration images"):
        SweepOrder(net, data, (method,))
    test = SweepOptions(calibration=val_data(net, 30, split="test"))
    with pytest.raises(WorkbenchError, match="the test split as calibration"):
        SweepOrder(net, data, (method,), options=test)
    options = SweepOptions(batch=16, calibration=train)
    sweep = wb.sensitivity(
        net, data, methods=(method,), sparsities=(0.5,), options=options
    )
    assert len(sweep.rows) > 0
    for row in sweep.rows:
        recipe = Recipe.uniform(
            "filter", row.sparsity, match=row.subject, criterion=criterion
        )
        naive = wb.evaluate(prune(net, recipe, train), data, batch_size=16)
        assert (row.top1, row.loss) == (naive.top1, naive.loss)
        assert row.filters_removed > 0
    plain = SweepOrder(net, data, ("filter",), options=options)
    looking = SweepOrder(net, data, (method,), options=options)
    assert "calibration" not in plain.inputs
    assert looking.inputs["calibration"] == train.digest


def test_filters_are_swept_by_coupling_group() -> None:
    net = network("residual")
    curves = grid(net, ("magnitude", "filter"), (0.5,))
    by_method = {
        m: [c for c in curves if c.method == m] for m in ("magnitude", "filter")
    }
    assert len(by_method["magnitude"]) == len(net.layers) == 16
    # The residual stage ties the stem to the second convolution of each block.
    (stem,) = [c for c in curves if (c.subject, c.method) == ("stem.0", "filter")]
    assert stem.layers == ("stem.0", "layer1.0.two.0", "layer1.1.two.0")
    ranks = [[layer.id for layer in net.layers].index(c.subject) for c in curves]
    assert ranks == sorted(ranks)


def test_cells_a_method_cannot_do_are_named_with_the_reason() -> None:
    net = network("residual")
    sweep = wb.sensitivity(
        net,
        val_data(net, 10),
        methods=("pattern", "filter"),
        sparsities=(0.3, 0.7),
    )
    reasons = {one.key: one.reason for one in sweep.skipped}
    assert "4-entry patterns" in reasons["stem.0 pattern 0.3"]
    assert "linear layer 'fc'" in reasons["fc pattern 0.7"]
    assert "cannot be removed" in reasons["fc filter 0.7"]
    assert len(sweep.rows) + len(sweep.skipped) == 2 * len(
        grid(net, ("pattern", "filter"), (0.5,))
    )


def test_a_cell_that_removed_nothing_is_flagged_and_never_robust() -> None:
    # A stem of 8 filters at sparsity 0.05: round(0.4) = 0 filters go.
    net = network("residual")
    sweep = wb.sensitivity(
        net, val_data(net), methods=("filter",), sparsities=(0.05, 0.5)
    )
    row = sweep.curve("stem.0", "filter")[0]
    assert row.removed_nothing
    assert (row.weights_removed, row.filters_removed, row.reached) == (0, 0, 0.0)
    assert (row.top1, row.output_l2, row.output_kl) == (sweep.base.top1, 0.0, 0.0)
    robust = sweep.robust("filter", max_drop=1.0)
    assert robust["stem.0"] == 0.5
    only_nothing = replace(sweep, rows=(row,))
    assert only_nothing.robust("filter", max_drop=1.0) == {}


def test_robust_orders_subjects_by_what_they_stand() -> None:
    sweep = sweep_of(network("residual"))
    robust = sweep.robust("magnitude", max_drop=0.05)
    values = list(robust.values())
    assert values == sorted(values, reverse=True)
    for subject, reached in robust.items():
        held = [
            r.reached
            for r in sweep.curve(subject, "magnitude")
            if sweep.base.top1 - r.top1 <= 0.05
        ]
        assert reached == max(held, default=0.0)


def test_a_curve_stops_after_the_first_cell_that_is_too_bad() -> None:
    net = network("residual")
    data = val_data(net)
    levels = (0.5, 0.7, 0.9)
    full = wb.sensitivity(net, data, methods=("kernel",), sparsities=levels)
    rises = sorted((row.loss or 0) - full.base.loss for row in full.rows)
    limit = rises[len(rises) // 2]
    options = SweepOptions(stop_drop=limit, stop_on="loss")
    cut = wb.sensitivity(
        net, data, methods=("kernel",), sparsities=levels, options=options
    )
    for subject in full.subjects:
        curve = full.curve(subject, "kernel")
        bad = [(row.loss or 0) - full.base.loss > limit for row in curve]
        first = bad.index(True) if True in bad else len(bad) - 1
        assert cut.curve(subject, "kernel") == curve[: first + 1]
    stopped = [one.reason for one in cut.skipped if one.reason.startswith("stopped")]
    assert len(stopped) == len(full.rows) - len(cut.rows) > 0
    top1 = SweepOptions(stop_drop=0.1)
    assert stops(full.base, replace(full.rows[0], top1=full.base.top1 - 0.11), top1)
    assert not stops(full.base, replace(full.rows[0], top1=full.base.top1), top1)


def test_equal_masks_are_evaluated_once() -> None:
    net = network("residual")
    made = evaluate_dense(net, val_data(net), SweepOptions())
    runs = []
    inner = made._dense.runner

    class Counted:
        labels = inner.labels

        def __call__(self, changed, check):  # type: ignore[no-untyped-def]
            runs.append(sorted(changed))
            return inner(changed, check)

    counted = replace(made._dense, runner=Counted())
    sweeper = Sweeper(counted, SweepOptions(), lambda: None)
    (curve,) = grid(net, ("filter",), (0.5, 0.51, 0.75), layers=("layer1.0.one.0",))
    rows = [row for row in sweeper.cells(curve) if isinstance(row, SweepRow)]
    # 8 filters: round(4.0) = round(4.08) = 4, then 6.
    assert [row.filters_removed for row in rows] == [4, 4, 6]
    assert len(runs) == 2
    assert (rows[0].top1, rows[0].loss) == (rows[1].top1, rows[1].loss)


def test_the_engine_says_executed_macs_and_layer_times() -> None:
    net = network("residual")
    sweep = wb.sensitivity(
        net,
        val_data(net, 10),
        methods=("magnitude",),
        sparsities=(0.9,),
        options=SweepOptions(latency="model", layers=("layer2.1.one.0",)),
    )
    (row,) = sweep.rows
    assert sweep.latency == "model"
    assert sweep.base.executed_macs is not None
    assert sweep.base.measured_ms is None
    assert row.executed_macs is not None
    assert row.layer_ms is not None
    assert row.network_ms is not None
    assert 0 < row.layer_ms < row.network_ms
    assert row.executed_macs > 0


def test_impossible_orders_are_refused() -> None:
    net = network("residual")
    with pytest.raises(WorkbenchError, match="test split"):
        wb.sensitivity(net, val_data(net, 10, split="test"))
    with pytest.raises(WorkbenchError, match="0 < sparsity < 1"):
        wb.sensitivity(net, val_data(net, 10), sparsities=(0.5, 1.0))
    with pytest.raises(WorkbenchError, match="layer 'nope'"):
        wb.sensitivity(net, val_data(net, 10), options=SweepOptions(layers=("nope",)))
    with pytest.raises(WorkbenchError, match="key=value"):
        parse_method("block:8")
    with pytest.raises(WorkbenchError, match="latency 'guess'"):
        SweepOptions(latency="guess")  # type: ignore[arg-type]
    with pytest.raises(WorkbenchError, match="a sweep without rows"):
        wb.sensitivity(
            net,
            val_data(net, 10),
            methods=("pattern",),
            sparsities=(0.3,),
            options=SweepOptions(layers=("fc",)),
        )


def test_rows_survive_a_round_trip() -> None:
    sweep = sweep_of(network("concat"))
    for row in sweep.rows:
        assert SweepRow.from_dict(row.to_dict()) == row
    assert SweepRow.from_dict({**sweep.rows[0].to_dict(), "later": 1}) == sweep.rows[0]


def test_a_network_whose_scores_are_no_numbers_has_none_in_their_place() -> None:
    change = Change()
    change.add(torch.zeros(2, 3), torch.full((2, 3), math.nan))
    assert (change.relative_l2, change.kl) == (None, None)


def test_the_share_after_a_layer_counts_macs() -> None:
    net = network("residual")
    assert suffix_share(net, "stem.0") == 1.0
    last = net.layers[-1]
    total = sum(layer.macs for layer in net.layers)
    assert suffix_share(net, last.id) == last.macs / total


def test_an_interrupted_sweep_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = network("concat")
    data = val_data(net)
    done: list[str] = []
    cell = Sweeper.cell

    def breaking(self, curve, sparsity):  # type: ignore[no-untyped-def]
        if len(done) == 3:
            raise KeyboardInterrupt
        found = cell(self, curve, sparsity)
        done.append(found.key)
        return found

    monkeypatch.setattr(Sweeper, "cell", breaking)
    levels = (0.5, 0.9)
    with pytest.raises(KeyboardInterrupt):
        wb.sensitivity(net, data, sparsities=levels, workspace=tmp_path)
    assert len(done) == 3
    store = wb.Store(tmp_path)
    (run,) = store.runs()
    assert (run.kind, run.status, run.rows) == ("sensitivity", "cancelled", 4)
    again: list[str] = []

    def counted(self, curve, sparsity):  # type: ignore[no-untyped-def]
        found = cell(self, curve, sparsity)
        again.append(found.key)
        return found

    monkeypatch.setattr(Sweeper, "cell", counted)
    resumed = wb.sensitivity(net, data, sparsities=levels, workspace=tmp_path)
    assert not set(again) & set(done)
    assert len(again) + len(done) == len(net.layers) * len(levels)
    monkeypatch.setattr(Sweeper, "cell", cell)
    assert resumed == wb.sensitivity(net, data, sparsities=levels)
    assert store.runs()[0].status == "done"
    # More levels: what is known is not evaluated again.
    again.clear()
    monkeypatch.setattr(Sweeper, "cell", counted)
    wb.sensitivity(net, data, sparsities=(0.5, 0.7, 0.9), workspace=tmp_path)
    assert {key.rpartition(" ")[2] for key in again} == {"0.7"}


def test_skipped_cells_keep_their_reason() -> None:
    one = Skipped("conv1", "filter", 0.5, "because")
    assert one.key == "conv1 filter 0.5"
