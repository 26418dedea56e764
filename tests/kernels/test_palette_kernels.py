"""Weights out of a table, dense and sparse, against float64: every ISA and size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.cases import (
    EVERY,
    SHAPE,
    TOLERANCE,
    build,
    convolutions,
)
from tests.kernels.drawing import ACTIVATIONS
from tests.kernels.float64 import activate
from workbench.kernels import Activation, Executor, KernelError, forced_isa
from workbench.kernels.steps.palette import (
    Table,
    conv_palette,
    linear_palette,
    linear_palette_sparse,
)

SHAPES = st.fixed_dictionaries(
    {
        "outputs": st.sampled_from([1, 2, 3, 4, 5, 8, 17]),
        "inputs": st.sampled_from([1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 100]),
        # 1 to 8 registers of 32 numbers, or of 8; one more than each
        "entries": st.sampled_from([1, 2, 8, 9, 16, 17, 32, 33, 64, 65, 128, 129, 256]),
        "density": st.sampled_from([0.0, 0.1, 1.0]),
        "act": st.sampled_from(ACTIVATIONS),
        "threads": st.sampled_from([1, 2, 3]),
        "seed": st.integers(0, 2**32 - 1),
    }
)


def run(step, x: np.ndarray, outputs: int, threads: int = 1) -> np.ndarray:
    """Run a step with its input at 64 and its output at 256; nothing else changes."""
    with Executor([step], arena_floats=512, threads=threads) as executor:
        executor.arena[:] = np.nan
        executor.arena[64 : 64 + x.size] = x
        executor.run_step(0)
        assert np.isnan(executor.arena[256 + outputs :]).all()
        return executor.arena[256 : 256 + outputs].copy()


@pytest.mark.parametrize("isa", EVERY)
@settings(max_examples=60, deadline=None)
@given(shape=SHAPES)
def test_palettes_equal_float64(isa: str, shape: dict) -> None:
    rng = np.random.default_rng(shape["seed"])
    o, i, entries = shape["outputs"], shape["inputs"], shape["entries"]
    x, bias, scale = (rng.standard_normal(n, dtype=np.float32) for n in (i, o, o))
    codebook = rng.standard_normal(entries, dtype=np.float32)
    codes = rng.integers(0, entries, (o, i), dtype=np.uint8)
    keep = rng.random((o, i)) < shape["density"]
    ends = {"src": 64, "dst": 256, "act": shape["act"]}
    table = Table(codebook, scale, bias)
    rows = [np.flatnonzero(row) for row in keep]
    with forced_isa(isa):
        dense = linear_palette(codes=codes, table=table, **ends)
        sparse = linear_palette_sparse(
            indptr=np.cumsum([0, *map(len, rows)]).astype(np.int32),
            columns=np.concatenate(rows).astype(np.int32),
            codes=codes[keep],
            table=table,
            **ends,
        )
        full = codebook[codes].astype(np.float64)
        for step, weights in ((dense, full), (sparse, full * keep)):
            wanted = activate(weights @ x * scale + bias, shape["act"])
            result = run(step, x, o, shape["threads"])
            np.testing.assert_allclose(result, wanted, **TOLERANCE)


@pytest.mark.parametrize("isa", EVERY)
@pytest.mark.parametrize("entries", [8, 32, 64, 128, 256])
def test_every_code_finds_its_number(isa: str, entries: int) -> None:
    # Row o looks up code o for each of 20 inputs of 1: 20 times the number itself.
    codes = np.repeat(np.arange(entries, dtype=np.uint8)[:, None], 20, axis=1)
    codebook = np.arange(entries, dtype=np.float32) - 3
    plain = Table(codebook, np.ones(entries, "f4"), np.zeros(entries, "f4"))
    with forced_isa(isa):
        step = linear_palette(
            codes=codes, table=plain, src=64, dst=256, act=Activation()
        )
        result = run(step, np.ones(20, np.float32), entries)
    np.testing.assert_array_equal(result, 20 * codebook)
    assert step.bytes == codes.size


@pytest.mark.parametrize("isa", EVERY)
def test_special_values_pass(isa: str) -> None:
    codes = np.zeros((3, 18), np.uint8)
    codes[1] = 1
    table = Table(
        np.array([1, np.inf], "f4"), np.ones(3, "f4"), np.array([-0.0] * 3, "f4")
    )
    x = np.full(18, -0.0, np.float32)
    with forced_isa(isa):
        step = linear_palette(
            codes=codes, table=table, src=64, dst=256, act=Activation("relu")
        )
        # infinity times zero is no number; a ReLU of -0.0 is zero
        quiet = run(step, x, 3)
        x[17] = np.nan
        assert np.isnan(run(step, x, 3)).all()
    assert np.isnan(quiet[1])
    np.testing.assert_array_equal(quiet[[0, 2]], 0.0)


@pytest.mark.parametrize("isa", EVERY)
def test_wide_sparse_rows_use_long_indices(isa: str) -> None:
    columns = np.array([0, 65535, 65536, 70000], dtype=np.int32)
    table = Table(np.array([1, 10], "f4"), np.full(1, 2, "f4"), np.full(1, 5, "f4"))
    with forced_isa(isa):
        step = linear_palette_sparse(
            indptr=np.array([0, 4], np.int32),
            columns=columns,
            codes=np.array([0, 1, 0, 1], np.uint8),
            table=table,
            src=0,
            dst=80000,
            act=Activation(),
        )
        with Executor([step], arena_floats=80064) as executor:
            executor.arena[columns] = [1, 2, 3, 4]
            executor.run_step(0)
            # 2 * (1 + 20 + 3 + 40) + 5
            assert executor.arena[80000] == 133


def test_codes_outside_of_the_codebook_are_refused() -> None:
    table = Table(np.ones(4, "f4"), np.ones(2, "f4"), np.zeros(2, "f4"))
    codes = np.full((2, 3), 4, np.uint8)
    ends = {"src": 0, "dst": 64, "act": Activation()}
    with pytest.raises(KernelError, match="codes up to 4 into a codebook of 4"):
        linear_palette(codes=codes, table=table, **ends)
    with pytest.raises(KernelError, match="codes of type int64"):
        linear_palette(codes=codes.astype(np.int64), table=table, **ends)
    narrow = Table(table.codebook, np.ones(1, "f4"), table.bias)
    with pytest.raises(KernelError, match="1 scales and 2 biases"):
        linear_palette(codes=codes - 1, table=narrow, **ends)


@pytest.mark.parametrize("isa", EVERY)
@settings(max_examples=25, deadline=None)
@given(drawn=convolutions(groups=1), entries=st.sampled_from([1, 2, 16, 255, 256]))
def test_convolutions_from_a_palette_equal_float64(isa, drawn, entries: int) -> None:
    case = build(*drawn)
    rng = np.random.default_rng(drawn[0])
    codebook = rng.standard_normal(entries, dtype=np.float32)
    codes = rng.integers(0, entries, case.weights.shape, dtype=np.uint8)
    scale = rng.standard_normal(len(codes), dtype=np.float32)
    case.weights[:] = codebook[codes] * scale[:, None, None, None]
    with forced_isa(isa):
        step = conv_palette(
            codes=codes.reshape(len(codes), -1),
            table=Table(codebook, scale, case.bias),
            offsets=case.offsets.reshape(-1),
            place=case.place,
        )
        np.testing.assert_allclose(case.run(step), case.expected(), **TOLERANCE)
        # A byte a weight, channels rounded up to a part of a tile: never four bytes.
        if isa != "numpy":
            assert step.bytes < (len(codes) + 8) * codes[0].size


def test_a_convolution_with_a_code_outside_of_its_codebook_is_refused() -> None:
    case = build(0, SHAPE)
    codes = np.full((len(case.weights), case.weights[0].size), 2, np.uint8)
    ones = np.ones(len(codes), np.float32)
    with pytest.raises(KernelError, match="codes up to 2 into a codebook of 2"):
        conv_palette(
            codes=codes,
            table=Table(np.ones(2, np.float32), ones, ones),
            offsets=case.offsets.reshape(-1),
            place=case.place,
        )
