"""Gradual and iterative pruning, ADMM, distillation: each by its defining property."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import workbench as wb
from tests.support.training_cases import digest, one_thread, stripe_network, stripes
from workbench.errors import WorkbenchError
from workbench.pruning.masks import revived
from workbench.training.finetune import tune
from workbench.training.loop.distill import Distillation, divergence
from workbench.training.loop.fit import FitHooks, fit
from workbench.training.loop.options import EpochLog, FitOptions
from workbench.training.masks.admm import Admm
from workbench.training.masks.growing import GrowingMasks
from workbench.training.masks.ramps import Ramp, cubic, grown, in_rounds

__all__ = ["one_thread"]

MAGNITUDE = wb.Recipe.uniform("magnitude", 0.8)
# 56 % by patterns and a quarter of the kernels: layer 3 keeps 12 * 6 * 4 of 864.
PCONV = wb.Recipe.loads(
    "layers:\n  - {match: '3', method: pconv, patterns: 4, connectivity: 0.25}\n"
)
FILTERS = wb.Recipe.loads("layers:\n  - {match: '3', method: filter, sparsity: 0.5}\n")
OPTIONS = FitOptions(epochs=4, batch_size=16, peak_lr=0.05)


def _tuned(recipe: wb.Recipe, **settings: Any) -> tuple[wb.PrunedNetwork, list[Any]]:
    pruned = wb.prune(stripe_network(), recipe)
    result = tune(
        pruned, stripes(), **{"epochs": 4, "lr": 0.05, "batch_size": 16, **settings}
    )
    return result.network, [log.remarks for log in result.history]


def test_ramps_by_hand() -> None:
    # 0.8 - 0.8 * 0.75^3 = 0.4625; from 0.2: 0.8 - 0.6 * 0.125 = 0.725.
    assert cubic(0.25, 0.8) == pytest.approx(0.4625)
    assert cubic(0.5, 0.8, initial=0.2) == pytest.approx(0.725)
    assert [in_rounds(t, 0.9, rounds=2) for t in (0.5, 0.99, 1.0)] == [0.9] * 3
    assert in_rounds(0.49, 0.91, rounds=2) == pytest.approx(0.7)
    gradual, rounds = Ramp("gradual", end=0.5, updates=10), Ramp("iterative", rounds=4)
    assert [gradual.update(t) for t in (0.0, 0.25, 0.5, 0.9)] == [0, 5, 10, 10]
    assert [rounds.update(t) for t in (0.0, 0.25, 0.5, 0.99, 1.0)] == [0, 1, 2, 3, 3]
    assert gradual.sparsity(10, 0.8) == rounds.sparsity(3, 0.8) == 0.8


def test_rules_grow_by_their_own_parameter() -> None:
    recipe = wb.Recipe.loads(
        "layers:\n"
        "  - {match: '*', method: magnitude, sparsity: 0.8, scope: global}\n"
        "  - {match: '3', method: pconv, patterns: 4, connectivity: 0.5}\n"
        "  - {match: '8', method: nm, n: 2, m: 4}\n"
    )
    ramp = Ramp("gradual", updates=10)
    first, second, third = grown(recipe, ramp, 5).layers
    assert first.params.sparsity == pytest.approx(0.7)
    assert first.params.scope == "global"
    assert second.params.connectivity == pytest.approx(0.4375)
    assert third == recipe.layers[2]
    assert grown(recipe, ramp, 10) == recipe


def test_gradual_pruning_passes_through_the_cubic() -> None:
    # 24 steps of progress k / 23; the ramp ends at 0.75, in 40 updates. The epochs end
    # after steps with progress 5/23, 11/23, 17/23 and 1: updates 11, 25, 39, 40.
    network, remarks = _tuned(MAGNITUDE, schedule="gradual")
    ends = [1 - (1 - u / 40) ** 3 for u in (11, 25, 39, 40)]
    assert [one["zeros"] for one in remarks] == [round(0.8 * e * 864) for e in ends]
    assert all(one["zeros"] == one["zeros_kept"] for one in remarks)
    assert network.report.layer("3").zeros == round(0.8 * 864)
    assert network.recipe == MAGNITUDE
    assert digest(network.base.module) == digest(stripe_network().module)


def test_iterative_pruning_has_rounds() -> None:
    _, remarks = _tuned(MAGNITUDE, schedule="iterative", rounds=2)
    # 1 - 0.2^(1/2) = 0.5528 for two epochs, then 0.8.
    zeros = [round(0.5527864 * 864)] * 2 + [round(0.8 * 864)] * 2
    assert [one["zeros"] for one in remarks] == zeros


@pytest.mark.parametrize("schedule", ["gradual", "iterative", "admm"])
@pytest.mark.parametrize("recipe", [MAGNITUDE, PCONV, FILTERS])
def test_every_schedule_ends_at_the_recipe(schedule: str, recipe: wb.Recipe) -> None:
    network, remarks = _tuned(recipe, schedule=schedule, epochs=2, ema=0.8)
    asked = wb.prune(stripe_network(), recipe)
    for row in asked.report.layers:
        found = network.report.layer(row.id)
        assert (found.zeros, found.method) == (row.zeros, row.method)
        if row.method != "magnitude":
            assert found.kernels_removed == row.kernels_removed
            assert found.filters_removed == row.filters_removed
    assert revived(network.module, network.parameter_masks) == {}
    assert remarks[-1]["zeros"] == remarks[-1]["zeros_kept"]
    # What the schedule left is what the recipe takes from these weights.
    again = wb.prune(replace(network.base, module=network.module), recipe)
    assert all(torch.equal(again.masks[name], m) for name, m in network.masks.items())


@pytest.mark.parametrize("schedule", ["gradual", "iterative", "admm"])
def test_an_interrupted_schedule_resumes_alike(schedule: str, tmp_path: Path) -> None:
    pruned = wb.prune(stripe_network(), PCONV)
    settings: dict[str, Any] = {
        "epochs": 3,
        "schedule": schedule,
        "batch_size": 16,
        "lr": 0.05,
        "ema": 0.8,
        "distill": 0.5,
    }
    whole = wb.finetune(pruned, stripes(), **settings)
    for stop_after in (1, 2):
        path = tmp_path / f"{stop_after}.ckpt"

        def stop(log: EpochLog, last: int = stop_after) -> None:
            if log.epoch == last:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            wb.finetune(
                pruned,
                stripes(),
                checkpoint=path,
                hooks=FitHooks(after_epoch=stop),
                **settings,
            )
        resumed = wb.finetune(pruned, stripes(), checkpoint=path, **settings)
        assert digest(resumed.module) == digest(whole.module)
        assert resumed.report == whole.report


@pytest.mark.parametrize("recipe", [MAGNITUDE, PCONV, FILTERS])
def test_the_residual_of_admm_falls(recipe: wb.Recipe) -> None:
    admm = Admm(stripe_network(), recipe, switch=0.9, updates=24)
    options = replace(OPTIONS, epochs=10, schedule="constant")
    hooks = FitHooks(techniques=(admm,))
    history = fit(
        stripe_network().module, stripes(), options=options, hooks=hooks
    ).history
    logs = [log.remarks for log in history]
    residuals = [one["residual"] for one in logs if "residual" in one]
    assert len(residuals) == 9
    assert residuals[-1] < 0.25 * residuals[0]
    assert history[-1].remarks["zeros_kept"] == history[-1].remarks["zeros"] > 0


def test_updates_of_admm_by_hand() -> None:
    # Eight weights 1..8 of a 1x1 layer, half to go, two updates: the cubic ramp prunes
    # 0.5 (1 - 0.5^3) = 0.4375 first, round(3.5) = 4 weights, and 4 at the second. No
    # optimizer moves W between the updates.
    module = nn.Sequential(
        nn.Conv2d(1, 2, 1), nn.Conv2d(2, 4, 1, bias=False), nn.Conv2d(4, 1, 1)
    )
    weight = module.get_parameter("1.weight")
    weight.data.copy_(torch.arange(1.0, 9).reshape(4, 2, 1, 1))
    base = wb.from_module(module, input_shape=(1, 4, 4))
    recipe = wb.Recipe.loads(
        "layers:\n  - {match: '1', method: magnitude, sparsity: 0.5}"
    )
    admm = Admm(base, recipe, pull=0.25, dual=0.5, switch=0.5, updates=2)
    admm.prepare(module)
    admm.before_step(0.0)
    # Z = 0 0 0 0 5 6 7 8, U = 0: a quarter of the gap 1 2 3 4 closes.
    assert weight.flatten().tolist() == [0.75, 1.5, 2.25, 3, 5, 6, 7, 8]
    admm.before_step(0.1)
    assert weight.flatten().tolist() == [0.75, 1.5, 2.25, 3, 5, 6, 7, 8]
    admm.before_step(0.25)
    # U = 0.5 (W - Z), Z is the same; the gap is W - Z + U = 1.5 W where Z is zero.
    dual = admm.state()["dual"]["1"].flatten().tolist()
    assert dual == [0.375, 0.75, 1.125, 1.5, 0, 0, 0, 0]
    left = [0.625 * w for w in (0.75, 1.5, 2.25, 3)]
    assert weight.flatten().tolist() == pytest.approx([*left, 5, 6, 7, 8])
    admm.before_step(0.5)
    assert weight.flatten().tolist() == [0, 0, 0, 0, 5, 6, 7, 8]
    assert admm.found.masks["1"].sum() == 4


def test_admm_needs_something_to_project() -> None:
    with pytest.raises(WorkbenchError, match="a recipe that removes nothing"):
        _tuned(wb.Recipe(), schedule="admm")


def test_growth_needs_a_sparsity() -> None:
    recipe = wb.Recipe.loads("layers:\n  - {match: '3', method: nm, n: 2, m: 4}\n")
    with pytest.raises(WorkbenchError, match="schedule 'gradual' for nm"):
        _tuned(recipe, schedule="gradual")
    with pytest.raises(WorkbenchError, match="schedule 'iterative' for no rule"):
        GrowingMasks(stripe_network(), wb.Recipe(), Ramp("iterative"))


def test_divergence_by_hand() -> None:
    # Teacher (1/2, 1/2), student (1/4, 3/4): 1/2 log 2 + 1/2 log(2/3) = 0.14384.
    student = torch.log(torch.tensor([[0.25, 0.75]]))
    teacher = torch.zeros(1, 2)
    assert float(divergence(student, teacher, 1.0)) == pytest.approx(0.143841, abs=1e-5)
    # At T = 2 the student is (1/2, sqrt(3/4)) / 1.3660 = (0.3660, 0.6340):
    # 4 * (log(0.5 / 0.3660) + log(0.5 / 0.6340)) / 2 = 4 * 0.0372525.
    assert float(divergence(student, teacher, 2.0)) == pytest.approx(0.14901, abs=1e-5)


def test_pure_distillation_follows_the_teacher_against_the_labels() -> None:
    # The teacher calls everything class 1; a student of its answers alone does so too.
    teacher = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    nn.init.zeros_(teacher[1].weight)
    with torch.no_grad():
        teacher[1].bias.copy_(torch.tensor([0.0, 20.0]))
    hooks = FitHooks(techniques=(Distillation(teacher, 1.0, 2.0),))
    options = replace(OPTIONS, epochs=6)
    result = fit(stripe_network().module, stripes(), options=options, hooks=hooks)
    with torch.inference_mode():
        chosen = result.module(stripes().tensor()).argmax(1)
    assert int(chosen.sum()) == len(stripes())


def test_the_teacher_is_the_dense_network_and_stays_as_it_is() -> None:
    before = digest(stripe_network().module)
    plain, _ = _tuned(MAGNITUDE, epochs=1)
    taught, _ = _tuned(MAGNITUDE, epochs=1, distill=0.7)
    assert digest(stripe_network().module) == before
    assert digest(plain.module) != digest(taught.module)
    with pytest.raises(WorkbenchError, match=r"distill 1\.5"):
        _tuned(MAGNITUDE, distill=1.5)
