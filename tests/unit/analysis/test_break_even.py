"""Where pruning begins to pay: crossings by hand, curves of real layers."""

import pytest

import workbench as wb
from tests.support.pruning_networks import network
from workbench.analysis.sensitivity.break_even import crossing
from workbench.errors import WorkbenchError


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        # Above, then below: 1.2 -> 0.8 passes 1.0 half way between .5 and .9.
        ([(0.5, 1.2), (0.9, 0.8)], 0.7),
        # Below from the first level on.
        ([(0.3, 0.9), (0.9, 0.5)], 0.3),
        # 2 % faster is noise.
        ([(0.5, 1.0), (0.9, 0.98)], None),
        # Faster in between only.
        ([(0.3, 1.1), (0.5, 0.8), (0.9, 1.1)], None),
        # A dense kernel ran up to .5 at the dense time.
        ([(0.3, 1.0), (0.5, 1.0), (0.9, 0.5)], 0.5),
        ([], None),
    ],
)
def test_crossings(points: list[tuple[float, float]], expected: float | None) -> None:
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
    with pytest.raises(WorkbenchError, match="layer 'nope'"):
        wb.break_even(network("sigmoid"), "nope")
