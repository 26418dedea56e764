"""Where pruning begins to pay: crossings by hand, curves of real layers, records."""

import json
from pathlib import Path

import pytest

import workbench as wb
from tests.support.pruning_networks import network
from tests.support.shell import Shell, shell
from workbench.errors import WorkbenchError
from workbench.jobs.job import Job
from workbench.workflows import orders
from workbench.workflows.break_even import measure
from workbench.workflows.break_even.curve import crossing
from workbench.workflows.break_even.order import SPARSITIES, BreakEvenOrder
from workbench.workflows.break_even.run import run_break_even

__all__ = ["shell"]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        # Above, then below: 1.2 -> 0.8 passes 1.0 half way between .5 and .9.
        ([(0.5, 1.2, False), (0.9, 0.8, True)], 0.7),
        # Below from the first level on.
        ([(0.3, 0.9, True), (0.9, 0.5, True)], 0.3),
        # 2 % faster is noise.
        ([(0.5, 1.0, False), (0.9, 0.98, False)], None),
        # Faster in between only.
        ([(0.3, 1.1, False), (0.5, 0.8, True), (0.9, 1.1, False)], None),
        # A dense kernel ran up to .5 at the dense time.
        ([(0.3, 1.0, False), (0.5, 1.0, False), (0.9, 0.5, True)], 0.5),
        # Medians disagree with the rounds: the level that is faster, no later.
        ([(0.5, 1.2, False), (0.9, 1.1, True)], 0.9),
        ([], None),
    ],
)
def test_crossings(
    points: list[tuple[float, float, bool]], expected: float | None
) -> None:
    assert crossing(points, 1.0) == (
        None if expected is None else pytest.approx(expected)
    )


def test_every_granularity_of_a_layer() -> None:
    found = wb.break_even(
        network("residual"),
        "layer3.1.two.0",
        sparsities=(0.5, 0.75, 0.9375),
        latency="model",
    )
    assert [curve.method for curve in found.curves] == [
        "magnitude", "block", "kernel", "pattern", "stripe", "filter",
    ]  # fmt: skip
    assert found.refused == ()
    by_name = {curve.method: curve for curve in found.curves}
    # 32 filters: round(0.5 * 32) = 16, 24, 30 go.
    assert by_name["filter"].reached == (0.5, 0.75, 0.9375)
    # 4 of 9 is the least that patterns remove.
    assert by_name["pattern"].reached[0] is None
    assert by_name["pattern"].ms[0] is None
    ms = by_name["filter"].ms
    assert ms[0] is not None
    assert ms[2] is not None
    assert found.dense_ms > ms[0] > ms[2] > 0
    assert by_name["filter"].crossing == 0.5
    assert found.to_dict()["layer"] == "layer3.1.two.0"


def test_a_linear_layer_and_methods_that_do_not_fit() -> None:
    found = wb.break_even(
        network("sigmoid"),
        "hidden",
        methods=("magnitude", "pattern"),
        sparsities=(0.9,),
        latency="model",
    )
    (curve,) = found.curves
    assert curve.reached == (pytest.approx(0.9),)
    assert found.refused[0][0] == "pattern"
    assert "linear" in found.refused[0][1]
    with pytest.raises(WorkbenchError, match=r"pattern: .*linear"):
        wb.break_even(network("sigmoid"), "hidden", methods=["pattern"])


@pytest.mark.parametrize(
    ("layer", "method", "found"),
    [("nope", "magnitude", "layer 'nope'"), ("hidden", "sorcery", "method 'sorcery'")],
)
def test_no_such_layer_or_method(layer: str, method: str, found: str) -> None:
    with pytest.raises(WorkbenchError, match=found):
        wb.break_even(network("sigmoid"), layer, methods=[method])


def test_levels_run_in_turns_with_the_dense_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    monkeypatch.setattr(measure, "BUDGET_S", 0.05)
    order = BreakEvenOrder(network("sigmoid"), "hidden", "magnitude", (0.5, 0.9))
    job = Job("even", {})
    results = run_break_even(job, order)
    # Every round timed the dense layer and both levels: as many of one as of another.
    assert results["n"] == job.view().done >= 5
    assert all(
        low <= ms for low, ms in zip(results["p10_ms"], results["ms"], strict=True)
    )
    assert len(results["kernels"]) == 2
    assert results["line"]
    kept = orders.recorded(order)
    assert kept is not None
    assert kept.results == json.loads(json.dumps(results))


def test_the_page_finds_what_the_command_line_measured(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "BUDGET_S", 0.05)
    found = shell.json(
        "sensitivity", "lenet5-mnist5k", "--break-even", "fc2", "--methods", "magnitude"
    )
    assert found["sparsities"] == list(SPARSITIES)
    (curve,) = found["curves"]
    net = wb.load_model("lenet5-mnist5k")
    kept = orders.recorded(BreakEvenOrder(net, "fc2", "magnitude"))
    assert kept is not None
    assert kept.results["ms"] == curve["ms"]
    assert orders.recorded(BreakEvenOrder(net, "fc2", "block")) is None
