"""Fewer threads than asked for: when they are tried, and what a program then says."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.engine.zoo.tolerance import assert_same_output
from workbench.capture.from_torch.torch_export import capture
from workbench.engine.compile import compile_graph
from workbench.engine.graph.graph import Graph
from workbench.engine.program import Program
from workbench.engine.tuning import try_threads as fewer
from workbench.engine.tuning.duel import TimedProgram

SHAPE = (1, 3, 8, 8)


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU()).eval()


@pytest.fixture(scope="module")
def graph(network: nn.Module) -> Graph:
    return capture(network, torch.zeros(SHAPE))


def verdict(
    fewer_win: bool, duels: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let fewer threads win or lose; note how many met how many."""

    def faster(pair: Sequence[TimedProgram], gain: float) -> bool:
        duels.append(tuple(contender.threads for contender in pair))
        return fewer_win

    monkeypatch.setattr(fewer, "faster", faster)
    monkeypatch.setattr(fewer, "SHORT_MS", 1e9)


@pytest.mark.parametrize(("wins", "team"), [(True, 1), (False, 4)])
def test_half_as_many_threads_are_tried_as_long_as_they_win(
    wins: bool,
    team: int,
    graph: Graph,
    network: nn.Module,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    duels: list[tuple[int, ...]] = []
    verdict(wins, duels, monkeypatch)
    with_four = compile_graph(graph, threads=4, budget_s=5.0, cache=tmp_path)
    # Two threads are tuned first: one meets two, then the winner meets four.
    assert duels == [(1, 2), (1 if wins else 2, 4)]
    assert (with_four.threads, with_four.team) == (4, team)
    image = torch.rand(SHAPE, generator=torch.Generator().manual_seed(1))
    assert_same_output(network, with_four, image)
    # The plan on disk says so too.
    again = compile_graph(graph, threads=4, budget_s=5.0, cache=tmp_path)
    assert (again.threads, again.team) == (4, team)
    assert len(duels) == 2


def test_a_saved_program_keeps_its_team_unless_told_otherwise(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict(True, [], monkeypatch)
    made = compile_graph(graph, threads=2, budget_s=5.0, cache=tmp_path)
    made.save(tmp_path / "net.wbp")
    same = Program.load(tmp_path / "net.wbp")
    other = Program.load(tmp_path / "net.wbp", threads=2)
    assert (same.threads, same.team) == (2, 1)
    assert (other.threads, other.team) == (2, 2)


def test_long_programs_keep_all_threads(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    duels: list[tuple[int, ...]] = []
    verdict(True, duels, monkeypatch)
    monkeypatch.setattr(fewer, "SHORT_MS", 0.0)
    program = compile_graph(graph, threads=2, budget_s=5.0, cache=tmp_path)
    assert (duels, program.team) == ([], 2)
