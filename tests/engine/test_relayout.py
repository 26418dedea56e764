"""Layouts exchanged inside the whole program: which slots, and what stays."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.engine.zoo.tolerance import assert_same_output
from workbench.capture.from_torch.torch_export import capture
from workbench.engine.graph.passes import simplify
from workbench.engine.planning.select import select
from workbench.engine.planning.slots import find_slots
from workbench.engine.program import Program
from workbench.engine.tuning import try_layouts as module
from workbench.engine.tuning.duel import TimedProgram
from workbench.engine.tuning.measured_costs import Budget, measure_costs
from workbench.engine.tuning.try_layouts import relayout
from workbench.engine.tuning.tuned import Tuned

SHAPE = (1, 8, 14, 14)
BUDGET = 600.0
"""Seconds; never reached, so that no try is left out on a busy machine."""


@pytest.fixture(scope="module")
def network() -> nn.Module:
    """Return three equal pairs of a 1x1 and a depthwise layer."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for _ in range(3):
        layers += [nn.Conv2d(8, 8, 1), nn.ReLU()]
        layers += [nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.ReLU()]
    return nn.Sequential(*layers).eval()


@pytest.fixture(scope="module")
def tuned(network: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    graph = simplify(capture(network, torch.zeros(SHAPE)))
    slots = find_slots(graph)
    folder: Path = tmp_path_factory.mktemp("times")
    costs = measure_costs(graph, slots, threads=1, tuning=Budget(BUDGET, folder))
    # Times decide which layouts a plan has; these tests start from one that is given.
    first = {slot: costs.forms[slot][:1] for slot in ("0", "4", "8")}
    plan = select(graph, slots, costs, 1, {**costs.forms, **first})
    return Tuned(graph, slots, costs, plan)


def verdict(wins: bool, seen: list[set[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every layout win or lose in place; note the layers around it."""

    def faster(pair: Sequence[TimedProgram], gain: float, around: set[str]) -> bool:
        seen.append(around)
        return wins

    monkeypatch.setattr(module, "faster", faster)
    monkeypatch.setattr(module, "CLOSE", 1e9)


def test_equal_slots_change_together_and_results_stay(
    tuned: Tuned,
    network: nn.Module,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[set[str]] = []
    verdict(True, seen, monkeypatch)
    plan, other = tuned.plan, relayout(tuned).plan
    # What the three 1x1 layers write has three equal readers: layers 0, 4 and 8 and the
    # depthwise layers 2, 6 and 10 behind them.
    assert {"0", "2", "4", "6", "8", "10"} in seen
    changed = {slot for slot in plan.forms if plan.forms[slot] != other.forms[slot]}
    assert changed
    image = torch.rand(SHAPE, generator=torch.Generator().manual_seed(1))
    for chosen in (plan, other):
        assert_same_output(network, Program(tuned.graph, chosen), image)


def test_a_plan_stays_where_nothing_is_faster(
    tuned: Tuned,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[set[str]] = []
    verdict(False, seen, monkeypatch)
    assert relayout(tuned).plan is tuned.plan
    assert seen
