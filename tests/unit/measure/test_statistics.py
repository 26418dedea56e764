"""Ratios, intervals, verdicts, agreement and conditions, on cases worked by hand."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.kernels import info
from workbench.measure.agreement import compare_outputs
from workbench.measure.conditions import Conditions, read_conditions
from workbench.measure.measurement import Comparison, Measurement, Timing
from workbench.measure.statistics import Ratio, ratio, summarise

CPUINFO = """processor\t: 0
model name\t: Example CPU 3000
flags\t\t: fpu sse4_2 avx2 fma avx512f

processor\t: 1
model name\t: Another
"""


def noisy(center: float, spread: float, seed: int, n: int = 60) -> np.ndarray:
    return np.random.default_rng(seed).normal(center, spread, n)


def test_a_summary_by_hand() -> None:
    found = summarise(np.arange(1.0, 12.0), inner=3)
    assert (found.median_ms, found.p10_ms, found.p90_ms) == (6.0, 2.0, 10.0)
    assert (found.min_ms, found.n, found.inner) == (1.0, 11, 3)


def test_clear_differences_are_called_by_name() -> None:
    assert ratio(noisy(4.0, 0.1, 1), noisy(2.0, 0.1, 2)).verdict == "faster"
    assert ratio(noisy(2.0, 0.1, 1), noisy(4.0, 0.1, 2)).verdict == "slower"
    found = ratio(noisy(4.0, 0.1, 1), noisy(2.0, 0.1, 2))
    assert found.value == pytest.approx(2.0, abs=0.05)
    assert found.lo < found.value < found.hi


@pytest.mark.parametrize("seed", range(20))
def test_equal_times_are_within_noise(seed: int) -> None:
    found = ratio(noisy(2.0, 0.2, seed), noisy(2.0, 0.2, seed + 1000))
    assert found.verdict == "within noise"


def test_one_per_cent_is_never_claimed() -> None:
    steady = np.full(50, 1.0)
    assert ratio(steady * 1.01, steady).verdict == "within noise"
    assert ratio(steady, steady * 1.01).verdict == "within noise"


def test_a_slow_spell_of_the_whole_machine_cancels_out() -> None:
    spell = np.where(np.arange(40) < 20, 1.0, 3.0)
    found = ratio(2.0 * spell, 1.0 * spell)
    assert (found.lo, found.value, found.hi) == (2.0, 2.0, 2.0)


@given(st.floats(0.01, 100), st.floats(0.01, 100))
def test_swapping_the_two_inverts_the_ratio(a: float, b: float) -> None:
    there, back = (ratio(np.full(7, x), np.full(7, y)) for x, y in ((a, b), (b, a)))
    assert there.value == pytest.approx(1 / back.value)
    opposite = {"faster": "slower", "slower": "faster", "within noise": "within noise"}
    assert opposite[there.verdict] == back.verdict


def test_agreement_is_relative_to_the_largest_output() -> None:
    reference = np.array([[100.0, 0.001]], np.float32)
    found = compare_outputs(reference + np.float32(0.05), reference)
    assert found.max_rel == pytest.approx(5e-4, rel=0.01)
    assert found.ok
    assert not compare_outputs(reference * 2, reference).ok
    zeros = np.zeros((1, 2), np.float32)
    assert compare_outputs(zeros, zeros).ok
    assert not compare_outputs(reference, zeros).ok
    bad = compare_outputs(reference, np.full((1, 2), np.inf, np.float32))
    assert "torch's own output" in str(bad.reason)


def test_probabilities_of_next_to_nothing_are_no_scale() -> None:
    # sigmoid(-24) as it is, and by an engine that cuts its argument at 18.
    exact, cut = np.float32([[3.8e-11]]), np.float32([[1.5e-8]])
    assert compare_outputs(cut, exact).max_rel == pytest.approx(1.5e-5, rel=0.01)
    assert not compare_outputs(cut * 1e3, exact).ok


def test_the_worse_of_two_agreements_counts() -> None:
    one = np.ones(3, np.float32)
    good, bad = compare_outputs(one, one), compare_outputs(one * 2, one)
    broken = compare_outputs(one[:2], one)
    assert good.worst(bad) is bad.worst(good) is bad
    assert broken.worst(bad) is bad.worst(broken) is broken


def test_conditions_name_the_first_processor_and_its_widest_set(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(CPUINFO)
    found = read_conditions(2, packages=("numpy", "no-such-package"), cpuinfo=cpuinfo)
    assert (found.cpu, found.isa, found.threads) == ("Example CPU 3000", "avx2", 2)
    assert found.kernels == info().isa
    assert found.to_dict()["versions"] == {"numpy": np.__version__}
    assert found.line.startswith("Example CPU 3000, avx2, 2 threads of ")
    assert read_conditions(1, cpuinfo=tmp_path / "none").isa == "baseline"


def test_the_machine_digest_forgets_the_moment(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(CPUINFO)
    one, other = (
        read_conditions(1, cpuinfo=cpuinfo),
        read_conditions(2, cpuinfo=cpuinfo),
    )
    assert one.machine_digest == other.machine_digest
    cpuinfo.write_text(CPUINFO.replace("3000", "4000"))
    assert read_conditions(1, cpuinfo=cpuinfo).machine_digest != one.machine_digest


def measurement(samples_ms: dict[str, tuple[float, ...]]) -> Measurement:
    rows = tuple(
        Timing(name, name, "dense", summarise(np.array(ms)), None, 1.0, None, ms)
        for name, ms in samples_ms.items()
    )
    conditions = Conditions("c", "i", "k", 2, 1, 7.5, None, "s", "p", (), "d")
    return Measurement(rows, conditions, "net", "0" * 64, (1, 3, 8, 8))


def test_a_busy_machine_is_called_one() -> None:
    steady, shaken = (1.0,) * 9, (1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 3.0, 3.0, 3.0)
    assert measurement({"a": steady, "b": steady, "c": shaken}).warning is None
    text = str(measurement({"a": shaken, "b": shaken, "c": steady}).warning)
    assert text.startswith("times vary 3.0-fold (p90 over p10) and the load was 7.5 on")
    assert measurement({}).warning is None


def test_ratios_are_counted_from_the_chosen_baseline() -> None:
    found = measurement({"torch": (4.0,) * 9, "ours": (2.0,) * 9})
    assert [row["ratio"] for row in found.to_dict()["rows"]] == [None, 2.0]
    assert [r["ratio"] for r in found.to_dict(baseline="ours")["rows"]] == [0.5, None]
    (only,) = found.against("torch")
    assert only.sentence == "ours is faster than torch: 2.00x (2.00 to 2.00)"
    noise = Comparison("a", "b", Ratio(1.0, 0.99, 1.01, "within noise"))
    assert noise.sentence == "a and b: within noise, 1.00x (0.99 to 1.01)"
