"""Lottery tickets: rewinding is bit-exact, rounds nest, the control is random."""

from pathlib import Path
from typing import Any

import pytest
import torch

import workbench as wb
from tests.support.training_cases import digest, one_thread, stripe_network, stripes
from workbench.errors import WorkbenchError
from workbench.training.loop.fit import FitHooks
from workbench.training.lottery import LotteryPlan, lottery
from workbench.training.masks.rewind import Snapshot, rewound
from workbench.training.scratch import fresh, train, train_logged

__all__ = ["one_thread"]

SHORT: dict[str, Any] = {"epochs": 2, "lr": 0.05, "batch_size": 16}


def _start() -> wb.Network:
    return fresh(stripe_network(), seed=5)


def _rounds(**plan: Any) -> list[Any]:
    val = stripes(64, 5, "val")
    shown = LotteryPlan(**{"rounds": 2, "control": False, **plan})
    return list(lottery(_start(), stripes(), val, plan=shown, **SHORT))


def test_a_round_restores_the_initial_weights_bit_exactly() -> None:
    initial = _start().module.state_dict()
    dense, first, second = _rounds()
    assert [one.number for one in (dense, first, second)] == [0, 1, 2]
    for one, zeros in ((first, 432), (second, 648)):
        state = one.start.module.state_dict()
        mask = one.start.masks["3"]
        # 864 weights: a half, then three quarters.
        assert int((~mask).sum()) == zeros
        for name, value in initial.items():
            wanted = value * mask if name == "3.weight" else value
            assert torch.equal(state[name], wanted), name
        assert not torch.equal(
            one.ticket.module.state_dict()["3.weight"], state["3.weight"]
        )
    # What the first round removed stays removed.
    assert not bool((second.start.masks["3"] & ~first.start.masks["3"]).any())


def test_a_round_prunes_what_training_left_small() -> None:
    dense, first, _ = _rounds()
    trained = dense.ticket.module.get_parameter("3.weight").detach().abs()
    mask = first.start.masks["3"]
    assert float(trained[mask].min()) >= float(trained[~mask].max())


def test_rewinding_to_step_k() -> None:
    seen: list[dict[str, torch.Tensor]] = []
    hooks = FitHooks(after_step=lambda m: seen.append({**_clone(m.state_dict())}))
    train(_start(), stripes(), hooks=hooks, **SHORT)
    _, first, _ = _rounds(rewind=4)
    mask = first.start.masks["3"]
    state = first.start.module.state_dict()
    for name, value in seen[3].items():
        wanted = value * mask if name == "3.weight" else value
        assert torch.equal(state[name], wanted), name
    with pytest.raises(WorkbenchError, match="rewinding to step 99"):
        _rounds(rewind=99)


def _clone(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in state.items()}


def test_the_control_has_the_masks_and_other_weights(tmp_path: Path) -> None:
    val = stripes(64, 5, "val")
    plan = LotteryPlan(rounds=1)
    path = tmp_path / "run"
    rounds = list(
        lottery(_start(), stripes(), val, plan=plan, checkpoint=path, **SHORT)
    )
    assert rounds[1].control is not None
    assert rounds[1].control.n == 64
    files = sorted(file.name for file in tmp_path.iterdir())
    assert files == ["run.control1", "run.dense", "run.ticket1"]
    control = rewound(rounds[1].start, fresh(_start(), seed=1).module.state_dict())
    ours = control.module.get_parameter("3.weight")
    theirs = rounds[1].start.module.get_parameter("3.weight")
    assert torch.equal(ours == 0, theirs == 0)
    assert not bool((ours[ours != 0] == theirs[ours != 0]).any())
    again = list(lottery(_start(), stripes(), val, plan=plan, checkpoint=path, **SHORT))
    assert again[1].accuracy == rounds[1].accuracy
    assert again[1].control == rounds[1].control


def test_a_snapshot_survives_a_resume(tmp_path: Path) -> None:
    path = tmp_path / "run"
    taken = []
    for _ in range(2):
        snapshot = Snapshot(3)
        hooks = FitHooks(techniques=(snapshot,))
        train_logged(_start(), stripes(), checkpoint=path, hooks=hooks, **SHORT)
        taken.append(snapshot.taken["3.weight"])
    assert torch.equal(*taken)


def test_impossible_plans_are_refused() -> None:
    for plan in ({"rounds": 0}, {"rate": 1.0}, {"rewind": -1}):
        with pytest.raises(WorkbenchError, match="rewinding to step"):
            LotteryPlan(**plan)


def test_fresh_weights_depend_on_the_seed_alone() -> None:
    one, two = fresh(stripe_network(), seed=1), fresh(_start(), seed=1)
    assert digest(one.module) == digest(two.module)
    assert digest(one.module) != digest(fresh(stripe_network(), seed=2).module)
    weight = one.module.get_parameter("3.weight").detach()
    # He, fan out: variance 2 / (12 * 9); 864 draws are within 15 % of it.
    assert float(weight.var()) == pytest.approx(2 / 108, rel=0.15)
    assert torch.equal(one.module.get_parameter("4.weight"), torch.ones(12))


def test_training_from_scratch_learns() -> None:
    val = stripes(64, 5, "val")
    found = train_logged(_start(), stripes(), val=val, epochs=12, lr=0.1, batch_size=16)
    assert found.history[-1].val_top1 == wb.evaluate(found.network, val).top1
    assert found.history[-1].val_top1 >= 0.85
    with pytest.raises(WorkbenchError, match="the test split"):
        train(_start(), stripes(16, 1, "test"))
