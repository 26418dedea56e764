"""Duels of programs: who wins, whose layers count, and when one gives up."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from workbench.capture.from_torch.torch_export import capture
from workbench.engine.graph.passes import simplify
from workbench.engine.lowering.lower import lower
from workbench.engine.planning.costs import ModelCosts
from workbench.engine.planning.select import select
from workbench.engine.planning.slots import find_slots
from workbench.engine.tuning import duel
from workbench.engine.tuning.duel import TimedProgram, faster, turns_of


@pytest.fixture(scope="module")
def contender() -> TimedProgram:
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 1))
    graph = simplify(capture(nn.Sequential(*layers).eval(), torch.zeros(1, 3, 8, 8)))
    slots = find_slots(graph)
    plan = select(graph, slots, ModelCosts(graph, 1), 1)
    return TimedProgram(lower(graph, slots, plan), 1)


class Scripted:
    """Turns of two programs whose tasks take given times; counts them."""

    def __init__(self, ours: Sequence[float], theirs: Sequence[float]) -> None:
        self.ours, self.theirs, self.taken = ours, theirs, 0

    def __call__(
        self, pair: Sequence[TimedProgram]
    ) -> Iterator[list[NDArray[np.float64]]]:
        tasks = len(pair[0].lowered.tasks)
        for ours, theirs in zip(self.ours, self.theirs, strict=True):
            self.taken += 1
            yield [np.full((2, tasks), ms) for ms in (ours, theirs)]


@pytest.mark.parametrize(
    ("ours", "wins", "turns"),
    [
        ([0.9] * 6, True, 6),
        ([0.99] * 6, False, 6),
        # No turn was lost by more than noise: all of them decide.
        ([1.04, 0.9, 1.04, 0.9, 0.9, 0.9], True, 6),
        ([0.9, 1.1, 0.5, 0.5, 0.5, 0.5], False, 2),
    ],
)
def test_who_clearly_loses_a_turn_gives_up(
    ours: list[float],
    wins: bool,
    turns: int,
    contender: TimedProgram,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = Scripted(ours, [1.0] * 6)
    monkeypatch.setattr(duel, "turns_of", script)
    assert faster([contender, contender]) == wins
    assert script.taken == turns


def test_layers_that_do_not_count_are_left_out(
    contender: TimedProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = contender.lowered.tasks
    first = next(task.node.id for task in tasks if task.kind == "node")

    def turns(pair: Sequence[TimedProgram]) -> Iterator[list[NDArray[np.float64]]]:
        # The first layer of ours is twice as fast, everything else half as fast.
        mine = [0.5 if task.node.id == first else 2.0 for task in tasks]
        for _ in range(6):
            yield [np.array([mine]), np.ones((1, len(tasks)))]

    monkeypatch.setattr(duel, "turns_of", turns)
    assert not faster([contender, contender])
    assert faster([contender, contender], nodes={first})


def test_turns_give_every_task_of_both_programs_a_time(contender: TimedProgram) -> None:
    seen = list(turns_of([contender, contender]))
    assert len(seen) == duel.TURNS
    shape = (duel.ROUNDS - 1, len(contender.lowered.tasks))
    assert all(ms.shape == shape and (ms >= 0).all() for turn in seen for ms in turn)
