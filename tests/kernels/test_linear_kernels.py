"""Matrix times vector, dense and sparse, against float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.cases import EVERY, TOLERANCE
from tests.kernels.drawing import ACTIVATIONS
from tests.kernels.float64 import activate
from workbench.kernels import Executor, forced_isa, linear_dense, linear_sparse

SHAPES = st.fixed_dictionaries(
    {
        "outputs": st.sampled_from([1, 2, 3, 4, 5, 10, 17]),
        "inputs": st.sampled_from([1, 15, 16, 17, 31, 32, 33, 100]),
        "density": st.sampled_from([0.0, 0.1, 1.0]),
        "act": st.sampled_from(ACTIVATIONS),
        "threads": st.sampled_from([1, 2]),
        "seed": st.integers(0, 2**32 - 1),
    }
)


@pytest.mark.parametrize("isa", EVERY)
@settings(max_examples=30, deadline=None)
@given(shape=SHAPES)
def test_linear_equals_float64(isa: str, shape: dict) -> None:
    rng = np.random.default_rng(shape["seed"])
    o, i = shape["outputs"], shape["inputs"]
    x = rng.standard_normal(i, dtype=np.float32)
    weights = rng.standard_normal((o, i), dtype=np.float32)
    weights *= rng.random((o, i)) < shape["density"]
    bias = rng.standard_normal(o, dtype=np.float32)
    sums = weights.astype(np.float64) @ x + bias
    wanted = activate(sums, shape["act"])
    rows = [np.flatnonzero(row) for row in weights]
    with forced_isa(isa):
        steps = (
            linear_dense(weights=weights, bias=bias, src=64, dst=256, act=shape["act"]),
            linear_sparse(
                indptr=np.cumsum([0, *map(len, rows)]).astype(np.int32),
                columns=np.concatenate(rows).astype(np.int32),
                values=weights[weights != 0],
                bias=bias,
                src=64,
                dst=256,
                act=shape["act"],
            ),
        )
        for step in steps:
            with Executor(
                [step], arena_floats=512, threads=shape["threads"]
            ) as executor:
                executor.arena[:] = np.nan
                executor.arena[64 : 64 + i] = x
                executor.run_step(0)
                result = executor.arena[256 : 256 + o]
                np.testing.assert_allclose(result, wanted, **TOLERANCE)
                assert np.isnan(executor.arena[256 + o :]).all()


@pytest.mark.parametrize("isa", EVERY)
def test_wide_sparse_rows_use_long_indices(isa: str) -> None:
    columns = np.array([0, 65535, 65536, 70000], dtype=np.int32)
    with forced_isa(isa):
        step = linear_sparse(
            indptr=np.array([0, 4], dtype=np.int32),
            columns=columns,
            values=np.array([1, 10, 100, 1000], dtype=np.float32),
            bias=np.zeros(1, dtype=np.float32),
            src=0,
            dst=80000,
            act=ACTIVATIONS[0],
        )
        executor = Executor([step], arena_floats=80064)
        executor.arena[columns] = [1, 2, 3, 4]
        executor.run_step(0)
        assert executor.arena[80000] == 1 + 20 + 300 + 4000
