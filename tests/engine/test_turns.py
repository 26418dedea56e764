"""Turns: everybody's times round by round, who drops out, and how long it goes on."""

from collections.abc import Callable

import numpy as np
import pytest

from workbench.engine.candidates.depthwise import DepthwiseConv
from workbench.engine.graph.graph import Node
from workbench.engine.layout.layout import Pad, make_layout
from workbench.engine.tuning import turns
from workbench.engine.tuning.race_kernels import Bench, place_operands, race
from workbench.engine.tuning.turns import in_turns, time_functions
from workbench.kernels import Executor


def test_who_is_taken_out_runs_no_more() -> None:
    called: list[str] = []

    def run(name: str, ms: float) -> Callable[[], float]:
        def ran() -> float:
            called.append(name)
            return ms

        return ran

    runs = {"a": run("a", 1.0), "b": run("b", 2.0)}
    seen = []
    for times in in_turns(runs, lambda rounds: rounds < 3):
        seen.append(times)
        runs.pop("b", None)
    assert seen == [{"a": 1.0, "b": 2.0}, {"a": 1.0}, {"a": 1.0}]
    assert called == ["a", "b", "a", "a"]


@pytest.mark.parametrize(
    ("seconds", "least", "most", "rounds"),
    # A round of the two functions below takes 5 s of the clock.
    [(0.0, 2, 9, 2), (12.0, 1, 9, 3), (1000.0, 1, 4, 4)],
)
def test_functions_go_on_for_some_seconds(
    seconds: float,
    least: int,
    most: int,
    rounds: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, calls = [0.0], {"a": 0, "b": 0}

    def run(name: str, s: float) -> Callable[[], None]:
        def ran() -> None:
            calls[name] += 1
            now[0] += s

        return ran

    monkeypatch.setattr(turns, "perf_counter", lambda: now[0])
    found = time_functions(
        {"a": run("a", 2.0), "b": run("b", 3.0)},
        seconds=seconds,
        least=least,
        most=most,
    )
    assert found["a"].tolist() == [2000.0] * rounds
    assert found["b"].tolist() == [3000.0] * rounds
    # Once untimed, before the clock starts.
    assert calls == {"a": rounds + 1, "b": rounds + 1}


@pytest.mark.parametrize(
    ("theirs", "runs", "best"),
    [
        # Found too slow twice, after the first turn and the second.
        (10.0, 2, 10.0),
        # Too slow only once the warm turns are over: after the second and the third.
        (2.0, 3, 2.0),
        (1.2, 4, 1.2),
    ],
)
def test_slow_kernels_drop_out_of_a_race(
    theirs: float, runs: int, best: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[int] = []

    def scripted(_: Executor, rounds: int, which: range) -> np.ndarray:
        ran.append(which.start)
        ms = theirs if which.start else 1.0
        return np.full((rounds, len(which)), ms * 1e6, np.int64)

    monkeypatch.setattr(Executor, "time_steps", scripted)
    weight = np.ones((3, 1, 3, 3), np.float32)
    node = Node(
        "dw",
        "conv2d",
        ("input",),
        (3, 14, 14),
        {"kernel": (3, 3), "padding": (1, 1, 1, 1), "groups": 3},
        {"weight": weight, "bias": np.zeros(3, np.float32)},
    )
    layout = make_layout("rows", (3, 14, 14), Pad(1, 1))
    binding = place_operands([layout], layout)
    steps = {name: DepthwiseConv().build(node, binding, "") for name in ("a", "b")}
    times = race(steps, binding, Bench(1, cold=False))
    assert times == {"a": 1.0, "b": best}
    assert sum(start > 0 for start in ran) == runs
    assert sum(start == 0 for start in ran) == 4
