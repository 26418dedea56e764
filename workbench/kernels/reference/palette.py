"""What the layers with a table of weights compute, in NumPy.

Belongs here: their checked arguments and the specification of kernels/palette/ and of
conv_palette in kernels/conv_dense/ of ext/.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.kernels.reference.activation import activate
from workbench.kernels.reference.conv import conv_dense, linear_extent
from workbench.kernels.reference.step import ReferenceStep
from workbench.kernels.values.specs import ConvDense, Placement
from workbench.kernels.values.types import F32, I32, Activation

U8 = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class PaletteDense:
    """Codes (O, I) into a codebook, on a contiguous vector."""

    codes: U8
    codebook: F32
    scale: F32
    bias: F32
    src: int
    dst: int
    act: Activation


@dataclass(frozen=True, eq=False)
class PaletteSparse:
    """Compressed rows of codes, on a contiguous vector of ``inputs`` floats."""

    indptr: I32
    columns: I32
    codes: U8
    codebook: F32
    scale: F32
    bias: F32
    src: int
    dst: int
    act: Activation
    inputs: int


@dataclass(frozen=True, eq=False)
class ConvPalette:
    """Codes (1, O, T) into a codebook, and the offsets of the T taps."""

    weights: U8
    codebook: F32
    scale: F32
    offsets: I32
    bias: F32
    place: Placement


def conv_palette(spec: ConvPalette) -> ReferenceStep:
    """Return the step of a dense convolution with ``scale * codebook[codes]``."""
    weights = spec.codebook[spec.weights] * spec.scale[:, None]
    dense = ConvDense(weights, spec.offsets[None], spec.bias, spec.place, None)
    return conv_dense(dense)


def palette_dense(spec: PaletteDense) -> ReferenceStep:
    """Return the step of ``scale * (codebook[codes] @ x) + bias``."""
    outputs, inputs = spec.codes.shape

    def apply(arena: F32, x: F32, y: F32) -> None:
        taken = arena[spec.src : spec.src + inputs]
        sums = spec.codebook[spec.codes] @ taken * spec.scale + spec.bias
        arena[spec.dst : spec.dst + outputs] = activate(sums, spec.act)

    return ReferenceStep(
        "numpy_palette_dense",
        spec.codes.size,
        spec.codes.nbytes,
        linear_extent(spec.src, inputs, spec.dst, outputs),
        apply,
    )


def palette_sparse(spec: PaletteSparse) -> ReferenceStep:
    """Return the step of sparse rows of codes times a vector."""
    outputs = spec.indptr.size - 1

    def apply(arena: F32, x: F32, y: F32) -> None:
        sums = np.zeros(outputs, np.float32)
        values = spec.codebook[spec.codes]
        for o in range(outputs):
            row = slice(spec.indptr[o], spec.indptr[o + 1])
            sums[o] = arena[spec.src + spec.columns[row]] @ values[row]
        result = activate(sums * spec.scale + spec.bias, spec.act)
        arena[spec.dst : spec.dst + outputs] = result

    return ReferenceStep(
        "numpy_palette_sparse",
        spec.codes.size,
        spec.codes.nbytes + spec.columns.nbytes,
        linear_extent(spec.src, spec.inputs, spec.dst, outputs),
        apply,
    )
