"""Factories of the convolution steps: sparse, dense and depthwise.

Belongs here: the public, documented, checking face of the convolution kernels. Does
not belong here: geometry (engine) or the arithmetic (ext/, reference/).
"""

from dataclasses import replace

import numpy as np

from workbench.kernels.backend import current
from workbench.kernels.values import checks
from workbench.kernels.values.specs import ConvDense, ConvSparse, Depthwise, Placement
from workbench.kernels.values.types import (
    F32,
    I32,
    LANES,
    KernelError,
    Step,
    Vectors,
)

_ANY_VARIANT = "Leave variant=None, or ask variants_{} for the names."


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
    _known("conv_sparse", variant, names)
    return current().conv_sparse(spec)


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
    _bias(bias, indptr.size - 1)
    place = _checked(place, _range(offsets), indptr.size - 1)
    return ConvSparse(indptr, offsets, values, bias, place, variant)


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
    _bias(bias, groups * each)
    place = _checked(place, _range(offsets), groups * each)
    _known("conv_dense", variant, variants_conv_dense(weights, place.vectors))
    return current().conv_dense(
        ConvDense(weights, offsets, bias, place, variant, interleaved)
    )


def depthwise(
    *,
    weights: F32,
    offsets: I32,
    in_cs: int,
    bias: F32,
    place: Placement,
) -> Step:
    """Return a step that convolves each channel with a filter of its own.

    Parameters
    ----------
    weights : array of float32, shape (C, T)
    offsets : array of int32, shape (T,)
        Float offset of each tap, from ``src + vec_in + channel * in_cs``.
    in_cs : int
        Floats between two channels of the source.
    bias : array of float32, shape (C,)
    place : Placement
        Vectors may have a pace of 2. With a frame the kernel adds the padding: nothing
        outside of the source image is read as anything but zero. Without one, zeros
        must be stored wherever taps reach.

    Raises
    ------
    KernelError
        When a type, shape or bound does not hold.
    """
    checks.array("weights", weights, np.float32, 2)
    checks.array("offsets", offsets, np.int32, 1)
    channels, taps = weights.shape
    checks.require(
        taps == offsets.size and min(weights.shape) > 0,
        f"weights {weights.shape} and {offsets.size} offsets",
        "weights (C, T) and T offsets, nothing empty",
        "Pass one offset a tap.",
    )
    checks.whole("in_cs", in_cs, -checks.MOST_FLOATS)
    span = (channels - 1) * in_cs
    reach = int(offsets.min()) + min(0, span), int(offsets.max()) + max(0, span)
    _bias(bias, channels)
    if place.frame is not None:
        place.frame.check(offsets, checks.vectors(place.vectors, (1, 2)))
        reach = (min(0, span), max(0, span))
    place = _checked(place, reach, channels, paces=(1, 2))
    return current().depthwise(Depthwise(weights, offsets, in_cs, bias, place))


def checked_place(place: Placement, offsets: I32, bias: F32) -> Placement:
    """Return a placement, once all that a convolution touches lies in the arena.

    Parameters
    ----------
    place : Placement
    offsets : array of int32
    bias : array of float32, shape (O,)

    Raises
    ------
    KernelError
        When a type, shape or bound does not hold.
    """
    _bias(bias, bias.size)
    return _checked(place, _range(offsets), bias.size)


def variants_conv_sparse(offsets: I32, vectors: Vectors, src: int) -> tuple[str, ...]:
    """Return the variants of ``conv_sparse`` that these arguments may use.

    The first is what ``variant=None`` uses.
    """
    return current().variants_conv_sparse(offsets, vectors, src)


def variants_conv_dense(weights: F32, vectors: Vectors) -> tuple[str, ...]:
    """Return the variants of ``conv_dense`` that these arguments may use.

    The first is what ``variant=None`` uses.
    """
    return current().variants_conv_dense(weights, vectors)


def _range(offsets: I32) -> tuple[int, int] | None:
    """Return the lowest and highest offset, None when nothing is read."""
    if offsets.size == 0:
        return None
    return int(offsets.min()), int(offsets.max())


def _bias(bias: F32, channels: int) -> None:
    checks.array("bias", bias, np.float32, 1)
    checks.require(
        bias.size == channels,
        f"bias of {bias.size} values",
        f"{channels}, one an output channel",
        "Pass zeros where the layer has no bias.",
    )


def _checked(
    place: Placement,
    reach: tuple[int, int] | None,
    channels: int,
    *,
    paces: tuple[int, ...] = (1,),
) -> Placement:
    """Return the placement with its extent, once every access is in the arena."""
    table = checks.vectors(place.vectors, paces)
    checks.activation(place.act)
    checks.whole("out_cs", place.out_cs, 0)
    for name in ("src", "dst", "residual"):
        if (start := getattr(place, name)) is not None:
            checks.whole(name, start, -checks.MOST_FLOATS)
    writes = checks.write_extent(table, place.dst, place.out_cs, channels)
    checks.inside_arena("the destination", writes, place.arena_floats)
    touched = [writes]
    if reach is not None:
        reads = checks.read_extent(table, place.src, *reach)
        if place.frame is not None:
            origin = place.src + int(table.vec_in[0])
            reads = place.frame.extent(origin, (0, table.count), reach)
        checks.inside_arena("the source", reads, place.arena_floats)
        touched.append(reads)
    if place.residual is not None:
        starts = table.vec_out[table.vec_mask != 0]
        first = place.residual + int(starts.min(initial=0))
        last = place.residual + int(starts.max(initial=0))
        added = (first, last + (channels - 1) * place.out_cs + LANES)
        checks.inside_arena("the residual", added, place.arena_floats)
        touched.append(added)
    return replace(place, extent=checks.join(touched))


def _known(kernel: str, variant: str | None, names: tuple[str, ...]) -> None:
    if variant is not None and variant not in names:
        raise KernelError(
            f"variant {variant!r} of {kernel}",
            "one of " + ", ".join(names),
            _ANY_VARIANT.format(kernel),
        )
