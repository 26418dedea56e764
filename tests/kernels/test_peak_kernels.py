"""The multiply-adds behind the measured peak: what they compute, and how many."""

import numpy as np
import pytest

from tests.kernels.cases import EVERY
from workbench.kernels import Executor, KernelError, fma_peak, forced_isa

VECTORS = {"numpy": 1, "scalar": 3, "avx2": 6, "avx512": 12}


@pytest.mark.parametrize("isa", EVERY)
def test_every_value_is_halved_and_given_a_half(isa: str) -> None:
    with forced_isa(isa):
        step = fma_peak(rounds=3)
        floats = 16 * VECTORS[isa]
        assert step.extent == (0, floats)
        assert step.macs == 3 * floats
        with Executor([step], arena_floats=floats + 16, threads=2) as executor:
            executor.arena[:] = np.arange(floats + 16)
            executor.run_step(0)
            # v / 8 + 1/2 + 1/4 + 1/8; what lies behind the extent stays.
            wanted = np.arange(floats) / 8 + 0.875
            np.testing.assert_array_equal(executor.arena[:floats], wanted)
            np.testing.assert_array_equal(
                executor.arena[floats:], np.arange(floats, floats + 16)
            )


def test_no_round_is_refused() -> None:
    with pytest.raises(KernelError, match="rounds=0"):
        fma_peak(rounds=0)
