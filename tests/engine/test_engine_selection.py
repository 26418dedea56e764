"""Selection: the exact minimum, explained choices, times kept on disk."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.nets import make
from workbench.capture.compile import compile
from workbench.capture.from_torch.torch_export import capture
from workbench.engine.compile import (
    BUDGET_S,
    BUDGET_S_PER_GMAC,
    compile_graph,
    default_budget,
)
from workbench.engine.graph.graph import INPUT, Graph, Node
from workbench.engine.planning.eliminate import Factor, minimise
from workbench.engine.planning.plan import ExecutionPlan
from workbench.engine.planning.select import worth_telling
from workbench.engine.planning.timing_cache import TimingCache
from workbench.errors import WorkbenchError
from workbench.kernels import info

NAMES = ("a", "b", "c", "d", "e")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_elimination_finds_the_minimum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = {name: int(rng.integers(1, 4)) for name in NAMES}
    factors = []
    for _ in range(6):
        count = int(rng.integers(1, 4))
        names = tuple(rng.permutation(NAMES)[:count].tolist())
        factors.append(Factor(names, rng.random([sizes[n] for n in names])))

    def total(values: dict[str, int]) -> float:
        return sum(float(f.table[tuple(values[n] for n in f.names)]) for f in factors)

    everything = product(*(range(sizes[n]) for n in NAMES))
    least = min(total(dict(zip(NAMES, v, strict=True))) for v in everything)
    assert total(minimise(factors, sizes)) == pytest.approx(least)


def test_wide_tables_are_cut_and_still_answered() -> None:
    names = tuple(f"v{i}" for i in range(12))
    factors = [Factor(("hub", n), np.array([[0.0, 1.0], [2.0, 0.5]])) for n in names]
    result = minimise(factors, {"hub": 2, **dict.fromkeys(names, 2)})
    assert result["hub"] == 0
    assert {result[n] for n in names} == {0}


def test_steps_explain_themselves() -> None:
    module, x = make("resnet", 0.9)
    steps = compile(module, example=x, tune="model").steps
    layer = next(s for s in steps if s.layer == "3.conv1")
    assert layer.candidate in ("sparse", "generated")
    assert layer.why.startswith("least by the cost model of")
    assert layer.dense_macs == 16 * 16 * 9 * 33 * 31
    assert layer.executed_macs == layer.theoretical_macs < layer.dense_macs / 5
    reasons = {r.candidate: r.reason for r in layer.rejected}
    assert reasons["depthwise"] == "filters read several channels"
    assert any(name.startswith("dense") for name in reasons)
    assert [s.op for s in steps][:1] + [s.op for s in steps][-1:] == ["load", "store"]


def test_dense_layers_are_not_run_sparse() -> None:
    module, x = make("resnet")
    steps = compile(module, example=x, tune="model").steps
    kernels = {s.candidate for s in steps if s.op == "conv2d"}
    assert "sparse" not in kernels


def test_plan_survives_json() -> None:
    module, x = make("mobilenet", 0.5)
    plan = compile(module, example=x, tune="model").plan
    again = ExecutionPlan.from_json(json.loads(json.dumps(plan.to_json())))
    assert again.forms == plan.forms
    assert again.choices == plan.choices
    assert again.threads == plan.threads


@pytest.mark.skipif(
    not info().native, reason="NumPy kernels are not timed: compile the kernels"
)
def test_measured_times_are_kept(tmp_path: Path) -> None:
    module, x = make("vgg", 0.8)
    graph = capture(module, x)
    first = compile_graph(graph, budget_s=30.0, cache=tmp_path)
    (file,) = tmp_path.glob("timings-*.json")
    times = json.loads(file.read_text())
    again = compile_graph(graph, budget_s=0.0, cache=tmp_path)
    assert len(times["data"]) > 20
    assert len(list(tmp_path.glob("plan-*.json"))) == 1
    assert json.loads(file.read_text()) == times
    assert again.plan.forms == first.plan.forms
    assert again.plan.choices == first.plan.choices
    measured = [s for s in first.steps if s.op == "conv2d"]
    assert all(s.measured and s.ms > 0 for s in measured)
    expected = module(x).detach().numpy()
    scale = float(np.abs(expected).max())
    np.testing.assert_allclose(first(x), expected, atol=2e-5 * scale)


def test_without_budget_the_model_decides(tmp_path: Path) -> None:
    module, x = make("lenet")
    program = compile_graph(capture(module, x), budget_s=0.0, cache=tmp_path)
    assert not any(step.measured for step in program.steps)
    assert list(tmp_path.iterdir()) == []


def test_damaged_cache_counts_as_empty(tmp_path: Path) -> None:
    cache = TimingCache(tmp_path, 1)
    cache.put("k", 1.5)
    cache.save()
    (file,) = tmp_path.iterdir()
    assert TimingCache(tmp_path, 1).get("k") == 1.5
    file.write_text("{")
    assert TimingCache(tmp_path, 1).get("k") is None


def test_large_networks_are_tuned_for_longer() -> None:
    def graph(channels: int) -> Graph:
        params = {
            "weight": np.zeros((channels, channels, 1, 1), np.float32),
            "bias": np.zeros(channels, np.float32),
        }
        shape = (channels, 300, 300)
        layer = Node("a", "conv2d", ("input",), shape, {}, params)
        return Graph("", (Node("input", INPUT, (), shape, {}, {}), layer), "a")

    # 90,000 multiply-adds a pair of channels.
    assert default_budget(graph(8)) == BUDGET_S
    seconds = 90_000 * 512**2 / 1e9 * BUDGET_S_PER_GMAC
    assert default_budget(graph(512)) == pytest.approx(seconds)
    assert seconds > BUDGET_S


@pytest.mark.parametrize("seconds", [-1.0, float("nan")])
def test_a_budget_below_zero_is_refused(seconds: float) -> None:
    module, x = make("resnet")
    with pytest.raises(WorkbenchError, match="zero seconds or more"):
        compile_graph(capture(module, x[:1]), budget_s=seconds)


@pytest.mark.parametrize(("most", "winograds"), [(24, 23), (2, 1), (1, 1), (40, 30)])
def test_the_best_of_every_kernel_is_told_of(most: int, winograds: int) -> None:
    others = [(1.0 + at, f"winograd {at}", "winograd") for at in range(30)]
    others.append((900.0, "direct", "direct"))
    found = worth_telling(others, most)
    assert found[-1] == (900.0, "direct")
    assert found[:-1] == [(1.0 + at, f"winograd {at}") for at in range(winograds)]
