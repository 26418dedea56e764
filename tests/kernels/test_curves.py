"""Curved activations as vectors: as many digits as float32 has, everywhere."""

import numpy as np
import pytest

from tests.kernels import float64
from tests.kernels.cases import EVERY
from tests.kernels.drawing import EVERY_ACTIVATION
from workbench.kernels import (
    Activation,
    Executor,
    Geometry,
    KernelError,
    activation,
    forced_isa,
)
from workbench.kernels.reference.activation import CURVES
from workbench.kernels.values.types import ACTIVATIONS

NATIVE = pytest.importorskip("workbench.kernels._native")
CURVED = [act for act in EVERY_ACTIVATION if act.curved]


def bent(isa: str, act: Activation, values: np.ndarray) -> np.ndarray:
    """Return what a step of one instruction set makes of a row of values."""
    width = values.size
    source, target = (
        Geometry("flat", 1, 1, width, width, width, base)
        for base in (64, 64 + (width + 63) // 16 * 16)
    )
    floats = target.base + width + 64
    with forced_isa(isa):
        step = activation(geometry_in=source, geometry_out=target, act=act)
        with Executor([step], arena_floats=floats) as executor:
            executor.arena[source.base : source.base + width] = values
            executor.run_step(0)
            found = executor.arena[target.base : target.base + width].copy()
    return found


def test_all_languages_name_the_same_curves() -> None:
    curved = {kind for kind in ACTIVATIONS if Activation(kind).curved}
    assert {kind for kind in ACTIVATIONS if NATIVE.has_curve(kind)} == curved
    assert set(CURVES) == set(float64.CURVES) == curved
    assert {act.kind for act in EVERY_ACTIVATION} == set(ACTIVATIONS)


@pytest.mark.parametrize("isa", EVERY)
@pytest.mark.parametrize("act", CURVED, ids=lambda act: act.kind)
def test_six_digits_everywhere(isa: str, act: Activation) -> None:
    rng = np.random.default_rng(3)
    tiny = 10.0 ** rng.uniform(-30, 0, 500) * rng.choice([-1, 1], 500)
    values = np.concatenate([np.linspace(-12, 12, 6001), tiny]).astype(np.float32)
    wanted = float64.activate(values.astype(np.float64), act)
    found = bent(isa, act, values)
    # exp(-x^2 / 2) multiplies the rounding of x^2 by up to 72.
    digits = 1e-5 if act.kind.startswith("gelu") else 6e-7
    np.testing.assert_allclose(found, wanted, rtol=digits, atol=1e-36)


@pytest.mark.parametrize("isa", EVERY)
def test_exp_reaches_both_ends_of_the_range(isa: str) -> None:
    values = np.array([0, 88.7, 88.8, 1e9, -87.5, -100, -103, -104, -1e9], np.float32)
    found = bent(isa, Activation("exp"), values).tolist()
    assert found[0] == 1.0
    assert found[1] == pytest.approx(3.32598e38, rel=1e-5)
    assert found[2:4] == [np.inf, np.inf]
    assert found[4] == pytest.approx(9.98e-39, rel=1e-3)
    assert found[5] == pytest.approx(3.78e-44, abs=1.5e-45)
    assert found[6] == pytest.approx(1.4e-45, abs=1e-46)
    assert found[7:] == [0.0, 0.0]


@pytest.mark.parametrize("isa", EVERY)
def test_results_far_below_zero_keep_their_digits(isa: str) -> None:
    # x P(N < x): the tails of the normal distribution, from tables.
    found = bent(isa, Activation("gelu"), np.array([-3, -5, -8], np.float32))
    tails = np.array([1.3498980316e-3, 2.8665157188e-7, 6.2209605743e-16])
    np.testing.assert_allclose(found, [-3, -5, -8] * tails, rtol=5e-6)


def test_an_activation_is_given_its_numbers_in_their_order() -> None:
    assert Activation.of("clip", -1.0, 2.0) == Activation("clip", -1.0, 2.0)
    assert Activation.of("leaky_relu", 0.3, 0.0) == Activation("leaky_relu", alpha=0.3)
    with pytest.raises(KernelError, match="alpha inf"):
        Activation("elu", alpha=np.inf)
