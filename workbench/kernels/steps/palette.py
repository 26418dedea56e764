"""Layers whose weights are bytes into a table of at most 256 numbers.

Belongs here: the public, checking face and the specifications. Does not belong here:
finding palettes in weights (engine) or the arithmetic (ext/kernels/palette/,
reference).
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from workbench.kernels.backend import compiled, make_step
from workbench.kernels.reference import palette as reference
from workbench.kernels.reference.palette import ConvPalette, PaletteDense, PaletteSparse
from workbench.kernels.steps.linear import check_ends
from workbench.kernels.steps.placing import checked_place, reach_of
from workbench.kernels.values import checks
from workbench.kernels.values.specs import Placement
from workbench.kernels.values.types import F32, I32, Activation, Step
from workbench.kernels.variants.tiles import cut

U8 = NDArray[np.uint8]

ENTRIES = 256


@dataclass(frozen=True, eq=False)
class Table:
    """What the rows of a layer share.

    Parameters
    ----------
    codebook : array of float32, shape (K,)
        1 to 256 numbers.
    scale, bias : array of float32, shape (O,)
        ``act(scale * sum + bias)``; scale holds a folded batch norm.
    """

    codebook: F32
    scale: F32
    bias: F32


def linear_palette(
    *, codes: U8, table: Table, src: int, dst: int, act: Activation
) -> Step:
    """Return a step of ``act(scale * (codebook[codes] @ x) + bias)``.

    Parameters
    ----------
    codes : array of uint8, shape (O, I)
        Not copied: a view of a mapped file stays one.
    table : Table
    src, dst : int
        Arena offsets, in floats, of I and O contiguous floats.
    act : Activation

    Raises
    ------
    KernelError
        When a type or shape does not hold, or a code is outside of the codebook.
    """
    checks.array("codes", codes, np.uint8, 2)
    _table(table, codes)
    check_ends(codes.shape[0], codes.shape[1], table.bias, src, dst)
    checks.activation(act)
    spec = PaletteDense(codes, table.codebook, table.scale, table.bias, src, dst, act)
    return make_step("palette_dense", spec, reference.palette_dense)


def linear_palette_sparse(
    *,
    indptr: I32,
    columns: I32,
    codes: U8,
    table: Table,
    src: int,
    dst: int,
    act: Activation,
) -> Step:
    """Return the same step with the zeros of the weight left out.

    Parameters
    ----------
    indptr : array of int32, shape (O + 1,)
    columns : array of int32, shape (nnz,)
        Input feature of each code.
    codes : array of uint8, shape (nnz,)
    table, src, dst, act
        As in ``linear_palette``.

    Raises
    ------
    KernelError
        When a type, shape or bound does not hold.
    """
    checks.array("indptr", indptr, np.int32, 1)
    checks.array("columns", columns, np.int32, 1)
    checks.array("codes", codes, np.uint8, 1)
    checks.compressed_rows(indptr, columns, cast(F32, codes))
    _table(table, codes)
    checks.require(
        int(columns.min(initial=0)) >= 0,
        f"column {columns.min(initial=0)}",
        "columns of 0 or more",
        "Rebuild the sparse rows from the mask.",
    )
    inputs = 1 + int(columns.max(initial=0))
    check_ends(indptr.size - 1, inputs, table.bias, src, dst)
    checks.activation(act)
    shared = (table.codebook, table.scale, table.bias)
    spec = PaletteSparse(indptr, columns, codes, *shared, src, dst, act, inputs)
    return make_step("palette_sparse", spec, reference.palette_sparse)


def conv_palette(
    *,
    codes: U8,
    table: Table,
    offsets: I32,
    place: Placement,
) -> Step:
    """Return a convolution with the weights ``scale * codebook[codes]``.

    The weights of a few output channels at a time are looked up: they exist as floats
    in scratch only.

    Parameters
    ----------
    codes : array of uint8, shape (O, T)
        Output channels, taps (input channel and position).
    table : Table
    offsets : array of int32, shape (T,)
    place : Placement
        As in ``conv_dense``.

    Raises
    ------
    KernelError
        When a type, shape or bound does not hold, or a code is outside of the codebook.
    """
    checks.array("codes", codes, np.uint8, 2)
    checks.array("offsets", offsets, np.int32, 1)
    _table(table, codes)
    checks.require(
        codes.shape == (table.bias.size, offsets.size) and codes.size > 0,
        f"codes {codes.shape}, {offsets.size} offsets, {table.bias.size} biases",
        "codes (O, T), T offsets and O biases, nothing empty",
        "Pass one offset a tap.",
    )
    place = checked_place(place, reach_of(offsets), table.bias.size)
    shared = (table.codebook, table.scale, offsets, table.bias)
    spec = ConvPalette(codes[None], *shared, place)
    native = compiled()
    if native is None:
        return reference.conv_palette(spec)
    width = native.module.dense_width(native.number)
    tiles = cut(1, len(codes), width, interleaved=False)
    return native.step("conv_palette", spec, tiles)


def _table(table: Table, codes: U8) -> None:
    checks.array("codebook", table.codebook, np.float32, 1)
    checks.array("scale", table.scale, np.float32, 1)
    checks.array("bias", table.bias, np.float32, 1)
    entries, most = table.codebook.size, int(codes.max(initial=0))
    checks.require(
        0 < entries <= ENTRIES and most < entries,
        f"codes up to {most} into a codebook of {entries}",
        f"a codebook of 1 to {ENTRIES} numbers and codes within it",
        "Make both with the same palette.",
    )
    checks.require(
        table.scale.size == table.bias.size,
        f"{table.scale.size} scales and {table.bias.size} biases",
        "one of each an output",
        "Pass ones where nothing is scaled.",
    )
