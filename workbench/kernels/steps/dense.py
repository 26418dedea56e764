"""Factory of the dense convolution: tiles of output channels and pixels, or lanes.

Belongs here: the public, documented, checking face, and the choice of a variant. Does
not belong here: how filters are cut (variants/) or the arithmetic (ext/, reference/).
"""

import numpy as np

from workbench.kernels.backend import compiled
from workbench.kernels.reference.conv import conv_dense as reference
from workbench.kernels.steps.placing import (
    check_bias,
    check_variant,
    checked_place,
    reach_of,
)
from workbench.kernels.values import checks
from workbench.kernels.values.specs import ConvDense, Placement
from workbench.kernels.values.types import F32, I32, Step, Vectors
from workbench.kernels.variants.lanes import likely_better, may_pay, pixels_of
from workbench.kernels.variants.tiles import cut

_WEIGHTS_FIRST_BYTES = 512 * 1024


def conv_dense(
    *,
    weights: F32,
    offsets: I32,
    interleaved: bool = False,
    bias: F32,
    place: Placement,
    variant: str | None = None,
) -> Step:
    """Return a step that convolves with dense weights (direct, or a GEMM for 1x1).

    Parameters
    ----------
    weights : array of float32, shape (G, O / G, T)
        Groups, output channels of the group, taps (input channel and position).
    offsets : array of int32, shape (G, T)
        Float offset of each tap of each group, from ``src + vec_in``.
    interleaved : bool
        Whether filter m of group g is output channel ``m * G + g``, not
        ``g * (O / G) + m``.
    bias : array of float32, shape (O,)
    place, variant
        As in ``conv_sparse``; variants come from ``variants_conv_dense``.

    Raises
    ------
    KernelError
        When a type, shape or bound does not hold, or the variant is not eligible.
    """
    checks.array("weights", weights, np.float32, 3)
    checks.array("offsets", offsets, np.int32, 2)
    groups, each, taps = weights.shape
    checks.require(
        offsets.shape == (groups, taps) and min(weights.shape) > 0,
        f"weights {weights.shape} and offsets {offsets.shape}",
        "weights (G, O/G, T) and offsets (G, T), nothing empty",
        "Pass one offset a tap and group.",
    )
    check_bias(bias, groups * each)
    place = checked_place(place, reach_of(offsets), groups * each)
    check_variant("conv_dense", variant, variants_conv_dense(weights, place.vectors))
    return _step(ConvDense(weights, offsets, bias, place, variant, interleaved))


def variants_conv_dense(weights: F32, vectors: Vectors) -> tuple[str, ...]:
    """Return the variants of ``conv_dense`` that these arguments may use.

    The first is what ``variant=None`` uses.
    """
    native = compiled()
    if native is None:
        return ("numpy",)
    names: tuple[str, ...] = ("strips-first", "weights-first")
    names = names[::-1] if weights.nbytes > _WEIGHTS_FIRST_BYTES else names
    if not may_pay(weights, vectors):
        return names
    if likely_better(weights, vectors, native.isa):
        return ("lanes", *names)
    return (*names, "lanes")


def _step(spec: ConvDense) -> Step:
    native, table = compiled(), spec.place.vectors
    if native is None:
        return reference(spec)
    chosen = spec.variant or variants_conv_dense(spec.weights, table)[0]
    groups, filters, _ = spec.weights.shape
    lanes = chosen == "lanes"
    width_of = native.module.lanes_width if lanes else native.module.dense_width
    tiles = cut(groups, filters, width_of(native.number), interleaved=spec.interleaved)
    if lanes:
        return native.step("conv_lanes", spec, tiles, pixels_of(table))
    return native.step("conv_dense", spec, tiles, chosen == "weights-first")
