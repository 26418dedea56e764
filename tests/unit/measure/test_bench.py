"""Contenders are timed only when their output is torch's, in fair turns."""

import gc
import json
import math
from dataclasses import replace
from threading import Event, Thread

import numpy as np
import pytest
import torch

import workbench as wb
from tests.support.small_networks import INPUT_SHAPE, small_network, small_pruned
from workbench.errors import WorkbenchError
from workbench.kernels import info
from workbench.measure.bench import bench
from workbench.measure.interleave import MIN_ROUNDS, Settings, _Lane, _order, measure
from workbench.measure.measurement import Measurement
from workbench.measure.peers.protocol import Array

# Correctness is asked here, not speed: as few rounds and calls as possible.
QUICK = Settings(warmup=1, budget_s=0.0, min_sample_ms=0.0)
needs_kernels = pytest.mark.skipif(
    not info().native, reason="the compiled kernels are not built"
)
ROW_KEYS = {
    "name", "engine", "weights", "median_ms", "p10_ms", "p90_ms", "min_ms", "n",
    "inner", "prepare_ms", "refused", "max_abs_error", "max_rel_error", "tolerance",
    "ratio", "ratio_lo", "ratio_hi", "verdict",
}  # fmt: skip


def torch_function(factor: float = 1.0):
    module = small_network().module

    def run(x: Array) -> torch.Tensor:
        with torch.inference_mode():
            return module(torch.from_numpy(x)) * factor

    return run


def quick(contenders, **options) -> Measurement:
    options.setdefault("network", small_network())
    return measure(contenders, rounds=MIN_ROUNDS, settings=QUICK, **options)


def test_equal_outputs_get_a_time() -> None:
    found = quick(["torch", ("mine", torch_function())])
    row = found.row("mine")
    assert row.refused is None
    assert row.agreement is not None
    assert row.agreement.max_abs == 0.0
    assert row.spread is not None
    spread = row.spread
    assert spread.n == MIN_ROUNDS == len(row.samples_ms)
    assert 0 < spread.min_ms <= spread.p10_ms <= spread.median_ms <= spread.p90_ms
    assert found.network == "small"
    assert found.digest == small_network().digest
    assert found.input_shape == (1, *INPUT_SHAPE)


@pytest.mark.parametrize("factor", [1.01, 0.5, -1.0])
def test_a_different_output_gets_no_time_but_the_error(factor: float) -> None:
    found = quick(["torch", ("wrong", torch_function(factor))])
    row = found.row("wrong")
    assert row.spread is None
    assert row.median_ms is None
    assert row.agreement is not None
    assert row.agreement.max_rel == pytest.approx(abs(factor - 1), rel=0.01)
    assert f"max rel error {row.agreement.max_rel:.3g}; allowed is" in str(row.refused)
    assert found.row("torch").spread is not None
    assert found.compare("wrong", "torch") is None


def test_shape_nan_and_failure_are_refused_with_a_reason() -> None:
    def shorter(x: Array) -> Array:
        return np.zeros((len(x), 9), np.float32)

    def nan(x: Array) -> Array:
        return np.full((len(x), 10), np.nan, np.float32)

    def broken(x: Array) -> Array:
        raise RuntimeError("out of order")

    found = quick([("shorter", shorter), ("nan", nan), ("broken", broken)])
    assert [row.refused for row in found.rows] == [
        "output has shape (1, 9); torch gives (1, 10)",
        "output holds NaN or infinity; torch's is finite",
        "failed to run: out of order",
    ]
    assert found.timed == ()
    assert found.to_dict()["baseline"] is None


def test_an_engine_that_is_right_on_one_input_only_is_refused() -> None:
    x = np.zeros((1, *INPUT_SHAPE), np.float32)
    answer = torch_function()(x).numpy()
    found = quick([("parrot", lambda x: answer)], x=x)
    assert "output differs from torch" in str(found.rows[0].refused)


def test_an_engine_that_goes_wrong_while_it_is_timed_is_refused() -> None:
    right = torch_function()
    calls = iter(range(10**6))

    def ages(x: Array) -> object:
        return right(x) if next(calls) < 6 else right(x) + 1

    assert "output differs from torch" in str(quick([("ages", ages)]).rows[0].refused)


def test_the_tolerance_is_the_callers() -> None:
    settings = Settings(warmup=1, budget_s=0.0, min_sample_ms=0.0, tolerance=0.1)
    found = measure(
        [("near", torch_function(1.01))],
        network=small_network(),
        rounds=MIN_ROUNDS,
        settings=settings,
    )
    assert found.rows[0].refused is None


def test_every_contender_opens_and_closes_rounds_in_turn() -> None:
    lanes = [_Lane(name) for name in "ABC"]  # type: ignore[arg-type]
    orders = [
        "".join(str(lane.contender) for lane in _order(lanes, n)) for n in range(6)
    ]
    assert orders == ["ABC", "BCA", "CAB", "CBA", "ACB", "BAC"]


def test_samples_of_one_round_are_taken_next_to_each_other() -> None:
    log: list[str] = []

    def logged(name: str):
        run = torch_function()

        def call(x: Array) -> object:
            log.append(name)
            return run(x)

        return name, call

    quick([logged("a"), logged("b")])
    calls = log[-(2 * 2 * MIN_ROUNDS + 4) : -4]
    assert "".join(calls) == "aabbbbaabbaaaabbaabb"


def test_short_calls_are_averaged_until_a_sample_lasts() -> None:
    settings = Settings(warmup=1, budget_s=0.0, min_sample_ms=1.0)
    found = measure(
        ["torch"], network=small_network(), rounds=MIN_ROUNDS, settings=settings
    )
    spread = found.rows[0].spread
    assert spread is not None
    assert spread.inner > 1


def test_rounds_end_with_the_budget_and_progress_is_told() -> None:
    seen: list[tuple[int, int]] = []
    settings = Settings(1, 0.0, 0.0, on_round=lambda *round_: seen.append(round_))
    found = measure(["torch"], network=small_network(), rounds=50, settings=settings)
    assert found.rows[0].spread is not None
    assert found.rows[0].spread.n == MIN_ROUNDS
    assert seen == [(n, 50) for n in range(MIN_ROUNDS + 1)]


def test_what_progress_raises_stops_the_measurement() -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    before = torch.get_num_threads()
    with pytest.raises(KeyboardInterrupt):
        measure(["torch"], network=small_network(), settings=Settings(on_round=stop))
    assert torch.get_num_threads() == before
    assert gc.isenabled()


def test_threads_and_collector_are_as_before() -> None:
    # Other engines in this process may have left denormals flushed.
    torch.set_flush_denormal(False)
    torch.set_num_threads(2)
    during: list[tuple[int, bool, float]] = []
    run = torch_function()

    def spy(x: Array) -> object:
        tiny = float((torch.full((8,), 1e-40) * 1.0).sum())
        during.append((torch.get_num_threads(), gc.isenabled(), tiny))
        return run(x)

    quick([("spy", spy)], threads=1)
    assert set(during) == {(1, False, 0.0)}
    assert torch.get_num_threads() == 2
    assert gc.isenabled()
    assert float(np.float32(1e-40) * np.float32(1)) != 0.0
    torch.set_num_threads(1)


@needs_kernels
def test_our_engine_and_a_program_are_contenders() -> None:
    pruned = small_pruned()
    program = wb.compile(pruned, threads=1, tune="model")
    found = quick([program, pruned, "torch"], network=pruned)
    assert [row.name for row in found.rows] == [
        "workbench",
        "workbench pruned",
        "torch",
    ]
    assert [row.refused for row in found.rows] == [None, None, None]
    assert measure([program], rounds=MIN_ROUNDS, settings=QUICK).rows[0].spread
    wrong = quick([program], network=small_network())
    assert "output differs" in str(wrong.rows[0].refused)
    two = quick([wb.compile(pruned, threads=2, tune="model")], network=pruned)
    assert "compiled for 2 threads" in str(two.rows[0].refused)


def test_what_cannot_be_measured_is_said_at_once() -> None:
    cases = [
        (lambda: measure([]), "no contender"),
        (lambda: measure(["torch"]), "without the network"),
        (lambda: quick(["torch", "torch"]), "more than one contender called torch"),
        (lambda: quick(["caffe"]), "engine 'caffe'"),
        (lambda: quick(["torch"], threads=0), "threads=0"),
        (lambda: quick(["torch"], threads=10**9), "threads=1000000000"),
        (lambda: measure(["torch"], network=small_network(), rounds=2), "rounds=2"),
        (lambda: quick(["torch"], x=np.zeros((1, 3, 9, 9))), r"shape \(1, 3, 9, 9\)"),
    ]
    for call, text in cases:
        with pytest.raises(WorkbenchError, match=text):
            call()


@needs_kernels
def test_bench_has_the_three_bars_first() -> None:
    found = bench(small_network(), small_pruned(), against=("torch",), budget_s=0.0)
    assert [(row.name, row.weights) for row in found.rows] == [
        ("torch dense", "dense"),
        ("workbench dense", "dense"),
        ("workbench pruned", "pruned"),
        ("torch pruned", "pruned"),
    ]
    assert all(row.refused is None for row in found.rows)
    assert found.digest == small_pruned().digest
    without = bench(small_network(), small_network(), against=(), budget_s=0.0)
    assert [row.name for row in without.rows] == ["torch dense", "workbench dense"]


@needs_kernels
def test_programs_that_are_compiled_already_are_not_compiled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net, pruned = small_network(), small_pruned()
    dense, thin = (wb.compile(one, tune="model") for one in (net, pruned))

    def never(*given: object, **options: object) -> None:
        raise AssertionError("compiled again")

    monkeypatch.setattr("workbench.capture.compile.compile", never)
    found = bench(net, pruned, against=(), budget_s=0.0, programs=(dense, thin))
    assert [row.name for row in found.timed] == [
        "torch dense",
        "workbench dense",
        "workbench pruned",
    ]
    # They stay open.
    assert dense(np.zeros((1, *INPUT_SHAPE), np.float32)).shape[0] == 1
    # The second network has no program here, so it would be compiled.
    half = bench(net, pruned, against=(), budget_s=0.0, programs=(dense,))
    assert half.row("workbench dense").refused is None
    assert "compiled again" in str(half.row("workbench pruned").refused)


def test_programs_that_do_not_fit_a_bench_are_named() -> None:
    net = small_network()
    program = wb.compile(net, tune="model")
    with pytest.raises(WorkbenchError, match="2 programs"):
        bench(net, against=(), budget_s=0.0, programs=(program, program))
    found = bench(net, against=(), threads=2, budget_s=0.0, programs=(program,))
    assert "compiled for 1 threads" in str(found.row("workbench dense").refused)


def test_the_json_keys_are_stable_and_every_value_is_json() -> None:
    found = quick(["torch", ("wrong", torch_function(2.0))])
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert set(data) == {
        "version", "network", "digest", "input_shape", "threads", "baseline", "rows",
        "absent", "warning", "conditions",
    }  # fmt: skip
    good, bad = data["rows"]
    assert set(good) == set(bad) == ROW_KEYS
    assert data["baseline"] == "torch"
    assert (good["ratio"], good["verdict"]) == (None, None)
    assert bad["median_ms"] is None
    assert math.isclose(bad["max_rel_error"], 1.0, rel_tol=1e-5)
    assert data["conditions"]["threads"] == 1
    assert data["conditions"]["versions"]["torch"] == torch.__version__


def test_measurements_of_two_threads_take_turns() -> None:
    calls: list[str] = []
    inside, shown, leave = Event(), Event(), Event()

    def named(name: str):
        run = torch_function()

        def function(x: Array) -> torch.Tensor:
            calls.append(name)
            return run(x)

        return (name, function)

    def hold(done: int, total: int) -> None:
        inside.set()
        leave.wait(60)

    def start(name: str, on_round) -> Thread:
        settings = replace(QUICK, on_round=on_round)
        given = {"network": small_network(), "rounds": 5, "settings": settings}
        thread = Thread(target=measure, args=([named(name)],), kwargs=given)
        thread.start()
        return thread

    first = start("a", hold)
    assert inside.wait(60)
    second = start("b", lambda done, total: shown.set())
    assert shown.wait(60)
    second.join(0.5)
    assert second.is_alive()
    leave.set()
    first.join(60)
    second.join(60)
    assert set(calls) == {"a", "b"}
    assert calls == sorted(calls)
