"""The compiled back end: how checked arguments are packed for C, and which variants.

Belongs here: one method a step kind. Does not belong here: checks, C, or the packings
of the sparse convolution (strips.py).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from workbench.kernels.reference import Runner
from workbench.kernels.values.specs import (
    ConvDense,
    ConvSparse,
    Depthwise,
    FmaPeak,
    GlobalAverage,
    LinearDense,
    LinearSparse,
    Pointwise,
    Pool,
    Transfer,
)
from workbench.kernels.values.types import F32, I32, Sizes, Step, Vectors
from workbench.kernels.variants.chains import depthwise_grid
from workbench.kernels.variants.gathered import gathering_of
from workbench.kernels.variants.lanes import likely_better, may_pay, pixels_of
from workbench.kernels.variants.strips import blocks_of, sparse_plans
from workbench.kernels.variants.tiles import cut

_ISAS = ("scalar", "avx2", "avx512")
_WEIGHTS_FIRST_BYTES = 512 * 1024


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
        plan = replace(plan, blocks=blocks_of(spec.indptr.size - 1))
        number = _ISAS.index(plan.isa)
        if plan.gathered:
            lines = gathering_of(spec.offsets, place.vectors)
            return cast(Step, self._module.conv_gathered(spec, number, plan, lines))
        return cast(Step, self._module.conv_sparse(spec, number, plan))

    def conv_dense(self, spec: ConvDense) -> Step:
        """Return a dense convolution step."""
        table = spec.place.vectors
        chosen = spec.variant or self.variants_conv_dense(spec.weights, table)[0]
        groups, filters, _ = spec.weights.shape
        native, isa = self._module, self._number
        lanes = chosen == "lanes"
        width = native.lanes_width(isa) if lanes else native.dense_width(isa)
        tiles = cut(groups, filters, width, interleaved=spec.interleaved)
        if lanes:
            return cast(Step, native.conv_lanes(spec, isa, tiles, pixels_of(table)))
        first = chosen == "weights-first"
        return cast(Step, native.conv_dense(spec, isa, tiles, first))

    def depthwise(self, spec: Depthwise) -> Step:
        """Return a depthwise convolution step."""
        place = spec.place
        grid = depthwise_grid(spec.offsets, place.vectors, place.frame)
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

    def fma_peak(self, spec: FmaPeak) -> Step:
        """Return a step of multiply-adds on registers."""
        return cast(Step, self._module.fma_peak(spec, self._number))

    def variants_conv_sparse(
        self, offsets: I32, vectors: Vectors, src: int
    ) -> tuple[str, ...]:
        """Return the eligible variants, the default first."""
        return tuple(sparse_plans(self._isa, offsets, vectors, src))

    def variants_conv_dense(self, weights: F32, vectors: Vectors) -> tuple[str, ...]:
        """Return the eligible variants, the default first."""
        names: tuple[str, ...] = ("strips-first", "weights-first")
        names = names[::-1] if weights.nbytes > _WEIGHTS_FIRST_BYTES else names
        if not may_pay(weights, vectors):
            return names
        if likely_better(weights, vectors, self._isa):
            return ("lanes", *names)
        return (*names, "lanes")

    def executor(self, steps: Sequence[Step], sizes: Sizes) -> Runner:
        """Return a runner of native steps."""
        return cast(Runner, self._module.Runner(tuple(steps), *sizes))
