"""Factory of the sparse convolution: rows of (value, offset) pairs.

Belongs here: the public, documented, checking face, and which packing a variant is.
Does not belong here: the packings (variants/strips.py) or the arithmetic (ext/,
reference/).
"""

from dataclasses import replace

import numpy as np

from workbench.kernels.backend import compiled
from workbench.kernels.reference.conv import conv_sparse as reference
from workbench.kernels.steps.placing import (
    check_bias,
    check_variant,
    checked_place,
    reach_of,
)
from workbench.kernels.values import checks
from workbench.kernels.values.specs import ConvSparse, Placement
from workbench.kernels.values.types import F32, I32, Step, Vectors
from workbench.kernels.variants.gathered import gathering_of
from workbench.kernels.variants.strips import blocks_of, sparse_plans


def conv_sparse(
    *,
    indptr: I32,
    offsets: I32,
    values: F32,
    bias: F32,
    place: Placement,
    variant: str | None = None,
) -> Step:
    """Return a step that sums (value, offset) pairs into each output channel.

    ``out[o][p] = act(bias[o] + sum_n values[n] * arena[in(p) + offsets[n]] + res)``
    for n in ``indptr[o]:indptr[o + 1]``: every pruning structure is such a list.

    Parameters
    ----------
    indptr : array of int32, shape (O + 1,)
    offsets : array of int32, shape (nnz,)
        Float offset of channel and tap, from ``src + vec_in``.
    values : array of float32, shape (nnz,)
    bias : array of float32, shape (O,)
    place : Placement
    variant : str, optional
        A name out of ``variants_conv_sparse``; None lets the kernel choose.

    Raises
    ------
    KernelError
        When a type, shape or bound does not hold, or the variant is not eligible.
    """
    spec = sparse_spec(
        indptr=indptr,
        offsets=offsets,
        values=values,
        bias=bias,
        place=place,
        variant=variant,
    )
    names = variants_conv_sparse(offsets, place.vectors, place.src)
    check_variant("conv_sparse", variant, names)
    return sparse_step(spec)


def sparse_spec(
    *,
    indptr: I32,
    offsets: I32,
    values: F32,
    bias: F32,
    place: Placement,
    variant: str | None = None,
) -> ConvSparse:
    """Return the checked arguments of a convolution by rows of (offset, value).

    Parameters
    ----------
    indptr, offsets, values, bias, place, variant
        As in ``conv_sparse``; the variant is not looked at.

    Raises
    ------
    KernelError
        When a type, shape or bound does not hold.
    """
    checks.array("indptr", indptr, np.int32, 1)
    checks.array("offsets", offsets, np.int32, 1)
    checks.array("values", values, np.float32, 1)
    checks.compressed_rows(indptr, offsets, values)
    check_bias(bias, indptr.size - 1)
    place = checked_place(place, reach_of(offsets), indptr.size - 1)
    return ConvSparse(indptr, offsets, values, bias, place, variant)


def sparse_step(spec: ConvSparse) -> Step:
    """Return the step of checked arguments."""
    native, place = compiled(), spec.place
    if native is None:
        return reference(spec)
    plans = sparse_plans(native.isa, spec.offsets, place.vectors, place.src)
    plan = plans[spec.variant or next(iter(plans))]
    plan = replace(plan, blocks=blocks_of(spec.indptr.size - 1))
    native = replace(native, isa=plan.isa)
    if plan.gathered:
        lines = gathering_of(spec.offsets, place.vectors)
        return native.step("conv_gathered", spec, plan, lines)
    return native.step("conv_sparse", spec, plan)


def variants_conv_sparse(offsets: I32, vectors: Vectors, src: int) -> tuple[str, ...]:
    """Return the variants of ``conv_sparse`` that these arguments may use.

    The first is what ``variant=None`` uses.
    """
    native = compiled()
    if native is None:
        return ("numpy",)
    return tuple(sparse_plans(native.isa, offsets, vectors, src))
