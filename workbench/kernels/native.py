"""The compiled back end: how checked arguments are packed for C, and which variants.

Belongs here: one method a step kind, and the packing choices (strip length, chunk size,
loop order) that make a variant. Does not belong here: checks or C.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from workbench.kernels.chains import depthwise_grid
from workbench.kernels.reference import Runner
from workbench.kernels.specs import (
    ConvDense,
    ConvSparse,
    Depthwise,
    GlobalAverage,
    LinearDense,
    LinearSparse,
    Pointwise,
    Pool,
    Transfer,
)
from workbench.kernels.types import F32, I32, LANES, Step, Vectors

_ISAS = ("scalar", "avx2", "avx512")
_L1_FLOATS = 28 * 1024 // 4
_UNCHUNKED = 1 << 40
_WEIGHTS_FIRST_BYTES = 512 * 1024
# Vectors that a strip may hold: plain, shifting over rows that are apart, shifting over
# rows that follow each other. See MOST in ext/conv_sparse.c and conv_sparse_shift.c.
_MOST = {"scalar": (3, 3, 3), "avx2": (6, 6, 6), "avx512": (8, 8, 14)}
_STRIPS = {"scalar": (3, 2), "avx2": (6, 4), "avx512": (6, 8, 4)}
_SHIFTS = {"scalar": (3,), "avx2": (6, 4), "avx512": (8, 14, 4)}
_MAX_DX = 3


@dataclass(frozen=True)
class SparsePlan:
    """How conv_sparse is packed; the fields of wb_sparse_plan and wb_conv_sparse."""

    strip: int
    wide: bool
    l1_floats: int = _L1_FLOATS
    blocks: int = 1
    classes: int = 1
    first_dx: int = 0
    row_vectors: int = 0


def sparse_plans(
    isa: str, offsets: I32, vectors: Vectors, src: int
) -> dict[str, SparsePlan]:
    """Return the packing of each eligible variant, the default first."""
    aligned = bool(np.all(offsets % LANES == 0))
    plans = {}
    for strip in _STRIPS[isa]:
        plan = SparsePlan(strip=strip, wide=not aligned)
        plans[f"strip{strip}"] = plan
        plans[f"strip{strip}-whole"] = replace(plan, l1_floats=_UNCHUNKED)
    return {**_shift_plans(isa, offsets, vectors, src), **plans}


def _shift_plans(
    isa: str, offsets: I32, vectors: Vectors, src: int
) -> dict[str, SparsePlan]:
    rows = vectors.row_vectors
    dx = (offsets + LANES // 2) % LANES - LANES // 2
    if rows == 0 or offsets.size == 0 or not np.any(dx):
        return {}
    first, last = min(0, int(dx.min())), max(0, int(dx.max()))
    reach = max(-first, last)
    ends = np.bitwise_or.reduce(vectors.vec_mask[rows - 1 :: rows], axis=None)
    aligned = np.all((src + vectors.vec_in) % LANES == 0)
    if reach > _MAX_DX or int(ends) >> (LANES - reach) or not aligned:
        return {}
    adjacent = bool(np.all(np.diff(vectors.vec_in) == LANES))
    most = _MOST[isa][2 if adjacent else 1]
    plans = {}
    for wanted in _SHIFTS[isa]:
        strip = min(wanted, most, vectors.count) // rows * rows
        if strip:
            plans[f"shift{strip}"] = SparsePlan(
                strip=strip,
                wide=False,
                classes=last - first + 1,
                first_dx=first,
                row_vectors=rows,
            )
    return plans


class NativeBackend:
    """Builds native steps for one instruction set; same methods as NumpyBackend."""

    def __init__(self, module: Any, isa: str) -> None:
        self._module = module
        self._isa = isa
        self._number = _ISAS.index(isa)

    def conv_sparse(self, spec: ConvSparse) -> Step:
        """Return a sparse convolution step."""
        place = spec.place
        plans = sparse_plans(self._isa, spec.offsets, place.vectors, place.src)
        plan = plans[spec.variant or next(iter(plans))]
        rows = spec.indptr.size - 1
        plan = replace(plan, blocks=max(1, min(24, rows // 8)))
        return cast(Step, self._module.conv_sparse(spec, self._number, plan))

    def conv_dense(self, spec: ConvDense) -> Step:
        """Return a dense convolution step."""
        names = self.variants_conv_dense(spec.weights, spec.place.vectors)
        first = (spec.variant or names[0]) == "weights-first"
        return cast(Step, self._module.conv_dense(spec, self._number, first))

    def depthwise(self, spec: Depthwise) -> Step:
        """Return a depthwise convolution step."""
        grid = depthwise_grid(spec.offsets, spec.place.vectors)
        return cast(Step, self._module.depthwise(spec, self._number, grid))

    def linear_dense(self, spec: LinearDense) -> Step:
        """Return a matrix-vector step."""
        return cast(Step, self._module.linear_dense(spec, self._number))

    def linear_sparse(self, spec: LinearSparse) -> Step:
        """Return a sparse matrix-vector step."""
        return cast(Step, self._module.linear_sparse(spec, self._number))

    def pool(self, spec: Pool) -> Step:
        """Return a pooling step."""
        return cast(Step, self._module.pool(spec, self._number))

    def global_avg(self, spec: GlobalAverage) -> Step:
        """Return a global average step."""
        return cast(Step, self._module.global_avg(spec, self._number))

    def pointwise(self, spec: Pointwise) -> Step:
        """Return an elementwise or copying step."""
        return cast(Step, self._module.pointwise(spec, self._number))

    def transfer(self, spec: Transfer) -> Step:
        """Return a step between the arena and external arrays."""
        return cast(Step, self._module.transfer(spec, self._number))

    def variants_conv_sparse(
        self, offsets: I32, vectors: Vectors, src: int
    ) -> tuple[str, ...]:
        """Return the eligible variants, the default first."""
        return tuple(sparse_plans(self._isa, offsets, vectors, src))

    def variants_conv_dense(self, weights: F32, vectors: Vectors) -> tuple[str, ...]:
        """Return the eligible variants, the default first."""
        names = ("strips-first", "weights-first")
        return names[::-1] if weights.nbytes > _WEIGHTS_FIRST_BYTES else names

    def executor(
        self, steps: Sequence[Step], arena_floats: int, threads: int
    ) -> Runner:
        """Return a runner of native steps."""
        return cast(Runner, self._module.Runner(tuple(steps), arena_floats, threads))
