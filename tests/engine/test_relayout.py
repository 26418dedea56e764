"""Layouts exchanged inside the whole program: which slots, and what stays."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.engine.zoo.tolerance import assert_same_output
from workbench.capture.from_torch.torch_export import capture
from workbench.engine.graph.graph import Graph
from workbench.engine.graph.passes import simplify
from workbench.engine.planning.plan import ExecutionPlan
from workbench.engine.planning.select import select
from workbench.engine.planning.slots import Slots, find_slots
from workbench.engine.program import Program
from workbench.engine.tuning import try_layouts as module
from workbench.engine.tuning.duel import TimedProgram
from workbench.engine.tuning.measured_costs import Budget, MeasuredCosts
from workbench.engine.tuning.try_layouts import relayout

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
def tuned(
    network: nn.Module, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Graph, Slots, ExecutionPlan, MeasuredCosts]:
    graph = simplify(capture(network, torch.zeros(SHAPE)))
    slots = find_slots(graph)
    folder: Path = tmp_path_factory.mktemp("times")
    costs = MeasuredCosts(graph, slots, threads=1, tuning=Budget(BUDGET, folder))
    # Times decide which layouts a plan has; these tests start from one that is given.
    first = {slot: costs.forms[slot][:1] for slot in ("0", "4", "8")}
    return graph, slots, select(graph, slots, costs, 1, {**costs.forms, **first}), costs


def verdict(wins: bool, seen: list[set[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every layout win or lose in place; note the layers around it."""

    def faster(pair: Sequence[TimedProgram], gain: float, around: set[str]) -> bool:
        seen.append(around)
        return wins

    monkeypatch.setattr(module, "faster", faster)
    monkeypatch.setattr(module, "CLOSE", 1e9)


def test_equal_slots_change_together_and_results_stay(
    tuned: tuple[Graph, Slots, ExecutionPlan, MeasuredCosts],
    network: nn.Module,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graph, slots, plan, costs = tuned
    seen: list[set[str]] = []
    verdict(True, seen, monkeypatch)
    other = relayout(graph, slots, plan, costs)
    # What the three 1x1 layers write has three equal readers: layers 0, 4 and 8 and the
    # depthwise layers 2, 6 and 10 behind them.
    assert {"0", "2", "4", "6", "8", "10"} in seen
    changed = {slot for slot in plan.forms if plan.forms[slot] != other.forms[slot]}
    assert changed
    image = torch.rand(SHAPE, generator=torch.Generator().manual_seed(1))
    for chosen in (plan, other):
        assert_same_output(network, Program(graph, chosen), image)


def test_a_plan_stays_where_nothing_is_faster(
    tuned: tuple[Graph, Slots, ExecutionPlan, MeasuredCosts],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graph, slots, plan, costs = tuned
    seen: list[set[str]] = []
    verdict(False, seen, monkeypatch)
    assert relayout(graph, slots, plan, costs) is plan
    assert seen
