"""Thousands of random layers on every instruction set against float64.

Each case draws a shape (`drawing` says of what kinds), a sparsity structure, a kernel
with one of its variants, an instruction set, a number of threads, layouts and vector
tables that are made apart from the engine's. Here strides are equal both ways, 1 or 2;
test_random_convolutions goes through the engine, with all of them. One case alone, as a
failure prints it:

    rerun: WORKBENCH_PROPERTY=SEED:NUMBER python -m pytest tests -k random_layers
"""

import os
from collections import Counter

import numpy as np

from tests.kernels.cases import ISAS, TOLERANCE, Case, build, drawn, sparse_arrays
from tests.kernels.drawing import STRUCTURES, keep
from tests.kernels.float64 import activate
from workbench.engine.candidates.blocks import blocks_of
from workbench.kernels import (
    Executor,
    conv_blocks,
    conv_dense,
    conv_sparse,
    forced_isa,
    linear_dense,
    linear_sparse,
    variants_conv_blocks,
    variants_conv_dense,
    variants_conv_sparse,
)
from workbench.kernels.steps.generated import (
    available,
    conv_generated,
    variants_generated,
)
from workbench.kernels.steps.palette import Table, conv_palette
from workbench.kernels.steps.sparse import sparse_spec

SEED = 20240229
CASES = 3000
KERNELS = ("sparse", "blocks", "generated", "dense", "shared", "linear", "palette")


def case_of(seed: int, number: int) -> tuple[dict, str, str, str]:
    """Return the shape, structure, kernel and instruction set of a case."""
    rng = np.random.default_rng((seed, number))
    shape = drawn(rng) | {"density": 1.0}
    kernel = str(rng.choice(KERNELS))
    if kernel in ("blocks", "palette", "shared"):
        shape["groups"] = 1
    return shape, str(rng.choice(STRUCTURES)), kernel, str(rng.choice(ISAS))


def conv_step(case: Case, kernel: str, rng: np.random.Generator):
    """Return a step of one variant of the kernel for the case, or None."""
    if kernel in ("dense", "shared"):
        fit = [n for n in (1, 2, 3, 4) if len(case.weights) % n == 0]
        shared = kernel == "shared"
        arrays = case.shared(rng, int(rng.choice(fit))) if shared else case.dense()
        names = variants_conv_dense(arrays["weights"], case.table)
        variant = str(rng.choice(names))
        return conv_dense(**arrays, bias=case.bias, place=case.place, variant=variant)
    if kernel == "blocks":
        blocks = blocks_of(case.weights, case.offsets.astype(np.int64), 1)
        names = variants_conv_blocks(blocks.offsets, blocks.values.shape[1])
        return conv_blocks(
            indptr=blocks.indptr,
            offsets=blocks.offsets,
            values=blocks.values,
            bias=case.bias,
            place=case.place,
            variant=str(rng.choice(names)),
        )
    if kernel == "palette":
        numbers, codes = np.unique(case.weights, return_inverse=True)
        scale = rng.standard_normal(len(case.weights), dtype=np.float32)
        codes = codes.reshape(len(scale), -1).astype(np.uint8)
        case.weights[:] *= scale[:, None, None, None]
        return conv_palette(
            codes=codes,
            table=Table(numbers, scale, case.bias),
            offsets=case.offsets.reshape(-1),
            place=case.place,
        )
    arrays = sparse_arrays(case)
    if kernel == "generated" and available().available:
        names = variants_generated(sparse_spec(**arrays, place=case.place))
        return conv_generated(
            **arrays, place=case.place, variant=str(rng.choice(names))
        )
    src = case.source.geometry.base
    names = variants_conv_sparse(arrays["offsets"], case.table, src)
    return conv_sparse(**arrays, place=case.place, variant=str(rng.choice(names)))


def check_conv(number: int, shape: dict, structure: str, kernel: str, rng) -> None:
    case = build(number, shape)
    if kernel == "palette":
        case.weights[:] = rng.standard_normal(31)[
            rng.integers(0, 31, case.weights.shape)
        ]
    case.weights[~keep(rng, structure, case.weights.shape)] = 0
    result = case.run(conv_step(case, kernel, rng))
    np.testing.assert_allclose(result, case.expected(), **TOLERANCE)


def check_linear(shape: dict, structure: str, rng: np.random.Generator) -> None:
    o, i = shape["outputs"], shape["inputs"] * 7
    x, bias = (rng.standard_normal(n, dtype=np.float32) for n in (i, o))
    weights = rng.standard_normal((o, i), dtype=np.float32)
    weights[~keep(rng, structure, (o, i, 1, 1))[..., 0, 0]] = 0
    ends = {"bias": bias, "src": 64, "dst": 512, "act": shape["act"]}
    rows = [np.flatnonzero(row) for row in weights]
    sparse = linear_sparse(
        indptr=np.cumsum([0, *map(len, rows)]).astype(np.int32),
        columns=np.concatenate(rows).astype(np.int32),
        values=weights[weights != 0],
        **ends,
    )
    wanted = activate(weights.astype(np.float64) @ x + bias, shape["act"])
    for step in (sparse, linear_dense(weights=weights, **ends)):
        with Executor([step], arena_floats=1024, threads=shape["threads"]) as executor:
            executor.arena[:] = np.nan
            executor.arena[64 : 64 + i] = x
            executor.run_step(0)
            result = executor.arena[512 : 512 + o].copy()
        np.testing.assert_allclose(result, wanted, **TOLERANCE)


def test_random_layers_equal_float64() -> None:
    seed, _, only = os.environ.get("WORKBENCH_PROPERTY", str(SEED)).partition(":")
    numbers = [int(only)] if only else range(CASES)
    seen: Counter[str] = Counter()
    for number in numbers:
        shape, structure, kernel, isa = case_of(int(seed), number)
        rng = np.random.default_rng((int(seed), number, 1))
        try:
            with forced_isa(isa):
                if kernel == "linear":
                    check_linear(shape, structure, rng)
                else:
                    check_conv(number, shape, structure, kernel, rng)
        except Exception as error:
            error.add_note(f"{isa} {kernel} {structure} {shape}")
            error.add_note(
                f"rerun: WORKBENCH_PROPERTY={seed}:{number} -k random_layers"
            )
            raise
        seen.update((isa, kernel, structure, f"{shape['threads']} threads"))
    if not only:
        assert sum(seen[isa] for isa in ISAS) == CASES >= 2000
        threads = [f"{count} threads" for count in (1, 2, 3)]
        names = (*ISAS, *KERNELS, *STRUCTURES, *threads)
        assert all(seen[name] > CASES // 50 for name in names)
