"""Global magnitude as a start of plans, and the choice after a short fine-tuning."""

from dataclasses import replace

import pytest
import torch

import workbench as wb
from tests.support.sweep_data import val_data
from tests.support.sweep_rows import row, sweep
from workbench.analysis.planner.common_threshold import common_plan
from workbench.analysis.planner.degradation import outlook
from workbench.analysis.planner.planner import Budget, Prediction, PruningPlan
from workbench.analysis.sensitivity.rows import Sweep
from workbench.errors import WorkbenchError
from workbench.pruning.recipe.recipe import Recipe
from workbench.workflows.plan.round import Proof, Round, best_round
from workbench.workflows.plan.verify import most_rounds, verify_plan

PREDICTED = Prediction(0.1, 0.5, 1.0, 500, 2000, 0.2)


def lenet() -> tuple[wb.Network, Sweep]:
    torch.set_num_threads(1)
    net = wb.load_model("lenet5-mnist5k")
    options = wb.SweepOptions(latency="model")
    return net, wb.sensitivity(
        net, val_data(net, 40), sparsities=(0.5, 0.8, 0.95), options=options
    )


def common_sparsity(recipe: Recipe) -> float:
    (rule,) = recipe.layers
    assert rule.params.scope == "global"  # type: ignore[attr-defined]
    return float(rule.params.sparsity)  # type: ignore[attr-defined]


def test_the_lowest_common_threshold_that_keeps_a_limit() -> None:
    net, cells = lenet()
    limit = 0.5 * cells.base.macs
    made = common_plan(
        cells, net, Budget("macs", limit=limit), together=1.0, seen=outlook(cells)
    )
    sparsity = common_sparsity(made.recipe)
    found = wb.layer_costs(wb.prune(net, made.recipe)).macs
    assert made.predicted.macs == found <= limit
    milder = Recipe.uniform("magnitude", sparsity - 0.01, scope="global")
    assert wb.layer_costs(wb.prune(net, milder)).macs > limit


def test_times_are_read_between_the_cells() -> None:
    net, cells = lenet()
    dense = cells.base.measured_ms or cells.base.network_ms or 0.0
    seen = outlook(cells)
    asked = Budget("ms", limit=0.9 * dense)
    made = common_plan(cells, net, asked, together=1.0, seen=seen)
    assert made.predicted.ms is not None
    assert 0.7 * dense < made.predicted.ms <= 0.9 * dense
    with pytest.raises(WorkbenchError, match="what global magnitude reaches"):
        common_plan(cells, net, Budget("ms", limit=1e-6), together=1.0, seen=seen)


def test_deep_networks_have_a_common_threshold_too() -> None:
    net = wb.load_model("resnet20-cifar10")
    rows = tuple(
        row(layer.id, 0.9, layers=(layer.id,), macs=900) for layer in net.layers
    )
    cells = replace(sweep(*rows), model=net.name)
    limit = 0.3 * wb.layer_costs(net).dense_macs
    made = common_plan(
        cells, net, Budget("macs", limit=limit), together=1.0, seen=outlook(cells)
    )
    assert 0.9 * limit < made.predicted.macs <= limit


def test_global_magnitude_is_proved_after_the_other_starts() -> None:
    net, cells = lenet()
    budget = Budget("macs", limit=0.5 * cells.base.macs)
    data = val_data(net, 40)
    proof = Proof(net, data, wb.SweepOptions(), seconds=0.05)
    rounds = verify_plan(cells, budget, proof, rounds=0)
    recipes = [one.plan.recipe for one in rounds]
    assert [len(recipe.layers) > 1 for recipe in recipes[:-1]] == [True] * (
        len(recipes) - 1
    )
    assert 0.3 < common_sparsity(recipes[-1]) < 0.9
    assert len(rounds) <= most_rounds(cells, budget, 0)
    assert most_rounds(cells, Budget("macs", max_drop=0.1), 0) == 1


def test_each_start_is_tuned_and_the_best_after_it_is_chosen() -> None:
    net, cells = lenet()
    budget = Budget("macs", limit=0.5 * cells.base.macs)
    train = val_data(net, 64, split="train")
    proof = Proof(
        net,
        val_data(net, 40),
        wb.SweepOptions(),
        seconds=0.05,
        settle=train,
        tune_epochs=1,
    )
    rounds = verify_plan(cells, budget, proof, rounds=0)
    tuned = [one for one in rounds if one.tuned is not None]
    assert len(tuned) == sum(one.kept for one in rounds) > 1
    losses = {one.number: one.tuned.loss for one in tuned if one.tuned is not None}
    assert best_round(rounds).number == min(losses, key=lambda one: losses[one] or 0.0)
    assert all(
        one.tuned is not None and one.tuned.macs == one.actual.macs for one in tuned
    )
    with pytest.raises(WorkbenchError, match="without training images"):
        replace(proof, settle=None)


def test_a_round_that_was_tuned_goes_before_a_better_one_that_was_not() -> None:
    plan = PruningPlan(Recipe(layers=()), (), Budget("macs", limit=600), PREDICTED)
    good = Round(0, plan, replace(PREDICTED, loss=0.1), True)
    tuned = Round(1, plan, PREDICTED, True, replace(PREDICTED, loss=0.05))
    worse = Round(2, plan, PREDICTED, True, replace(PREDICTED, loss=0.2))
    assert best_round([good, worse]) is worse
    assert best_round([good, worse, tuned]) is tuned
    assert tuned.to_dict()["tuned"]["loss"] == 0.05
    assert good.to_dict()["tuned"] is None


def test_settled_plans_are_judged_with_new_statistics() -> None:
    torch.set_num_threads(1)
    net = wb.load_model("resnet20-cifar10")
    cells = sweep(row("layer1.0.conv1", 0.5))
    cells = replace(cells, model_digest=net.digest, data_digest="", model=net.name)
    data, train = val_data(net, 20), val_data(net, 40, split="train")
    options = wb.SweepOptions(images=20)
    plain = Proof(net, data, options, seconds=0.05)
    budget = Budget("macs", max_drop=1.0)
    drops = [
        verify_plan(cells, budget, proof, rounds=0)[0].actual
        for proof in (plain, replace(plain, settle=train))
    ]
    assert drops[0].macs == drops[1].macs
    assert drops[0].loss != drops[1].loss
