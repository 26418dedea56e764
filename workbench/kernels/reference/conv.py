"""What the convolution and linear kernels compute, in NumPy.

Belongs here: the specification of conv_sparse, conv_dense, depthwise, linear_dense
and linear_sparse. Sums are in float32 in the order of the taps; the compiled kernels
may add in another order.
"""

import numpy as np
from numpy.typing import NDArray

from workbench.kernels.reference.activation import activate
from workbench.kernels.reference.step import ReferenceStep
from workbench.kernels.values.frames import Frame
from workbench.kernels.values.specs import (
    ConvDense,
    ConvSparse,
    Depthwise,
    LinearDense,
    LinearSparse,
    Placement,
)
from workbench.kernels.values.types import F32, I64, LANES, Vectors


def lanes_of(place: Placement) -> I64:
    """Return the arena offset of each lane at offset 0, shape (V, 16)."""
    lane = np.arange(LANES, dtype=np.int64) * place.vectors.pace
    return np.asarray(place.src + place.vectors.vec_in[:, None] + lane)


def inside_of(frame: Frame, table: Vectors) -> NDArray[np.bool_]:
    """Return whether each lane of each tap reads the image, shape (V, 16, taps)."""
    rows = np.arange(table.count // frame.columns) * frame.stride - frame.top
    y = rows[:, None] + np.arange(frame.kernel)
    x = frame.positions().transpose(0, 2, 1)
    high = (y >= 0) & (y < frame.height)
    wide = (x >= 0) & (x < frame.width)
    both = high[:, None, None, :, None] & wide[None, :, :, None, :]
    return both.reshape(table.count, LANES, -1)


def store(arena: F32, place: Placement, channel: int, sums: F32) -> None:
    """Add the residual, apply the activation, store the lanes of each segment."""
    lane = np.arange(LANES, dtype=np.int64)
    table = place.vectors
    if table.unzip:
        sums = np.concatenate((sums[:, 0::2], sums[:, 1::2]), axis=1)
    for segment in range(table.vec_out.shape[1]):
        kept = (table.vec_mask[:, segment, None] >> lane & 1).astype(bool)
        where = table.vec_out[:, segment, None] + channel * place.out_cs + lane
        where, values = where[kept], sums[kept]
        if place.residual is not None:
            values = values + arena[place.residual + where]
        arena[place.dst + where] = activate(values, place.act)


def conv_sparse(spec: ConvSparse) -> ReferenceStep:
    """Return the step of ``bias + sum value * arena[in + offset]`` a row."""
    place = spec.place

    def apply(arena: F32, x: F32, y: F32) -> None:
        lanes = lanes_of(place)
        results = []
        for o, bias in enumerate(spec.bias):
            row = slice(spec.indptr[o], spec.indptr[o + 1])
            where = lanes[:, :, None] + spec.offsets[row]
            results.append(bias + arena[where] @ spec.values[row])
        for o, sums in enumerate(results):
            store(arena, place, o, sums)

    return ReferenceStep(
        "numpy_conv_sparse",
        spec.values.size * place.vectors.pixels,
        spec.values.nbytes + spec.offsets.nbytes,
        place.extent,
        apply,
    )


def conv_dense(spec: ConvDense) -> ReferenceStep:
    """Return the step of dense taps, group by group."""
    place = spec.place
    groups, each, _ = spec.weights.shape

    def apply(arena: F32, x: F32, y: F32) -> None:
        lanes = lanes_of(place)[:, :, None]
        sums = [
            arena[lanes + spec.offsets[g]] @ spec.weights[g].T for g in range(groups)
        ]
        for o, bias in enumerate(spec.bias):
            g, m = divmod(o, each)
            if spec.interleaved:
                m, g = divmod(o, groups)
            store(arena, place, o, sums[g][:, :, m] + bias)

    return ReferenceStep(
        "numpy_conv_dense",
        spec.weights.size * place.vectors.pixels,
        spec.weights.nbytes,
        place.extent,
        apply,
    )


def depthwise(spec: Depthwise) -> ReferenceStep:
    """Return the step of one filter a channel."""
    place = spec.place
    inside = None if place.frame is None else inside_of(place.frame, place.vectors)

    def apply(arena: F32, x: F32, y: F32) -> None:
        lanes = lanes_of(place)[:, :, None] + spec.offsets
        if inside is not None:
            lanes = np.where(inside, lanes, place.src)
        for c, (taps, bias) in enumerate(zip(spec.weights, spec.bias, strict=True)):
            read = arena[lanes + c * spec.in_cs]
            read = read if inside is None else np.where(inside, read, np.float32(0))
            store(arena, place, c, read @ taps + bias)

    return ReferenceStep(
        "numpy_depthwise",
        spec.weights.size * place.vectors.pixels,
        spec.weights.nbytes,
        place.extent,
        apply,
    )


def linear_dense(spec: LinearDense) -> ReferenceStep:
    """Return the step of a matrix times a vector."""
    outputs, inputs = spec.weights.shape

    def apply(arena: F32, x: F32, y: F32) -> None:
        taken = arena[spec.src : spec.src + inputs]
        sums = spec.weights @ taken + spec.bias
        arena[spec.dst : spec.dst + outputs] = activate(sums, spec.act)

    return ReferenceStep(
        "numpy_linear_dense",
        spec.weights.size,
        spec.weights.nbytes,
        linear_extent(spec.src, inputs, spec.dst, outputs),
        apply,
    )


def linear_sparse(spec: LinearSparse) -> ReferenceStep:
    """Return the step of sparse rows times a vector."""
    outputs = spec.indptr.size - 1

    def apply(arena: F32, x: F32, y: F32) -> None:
        sums = spec.bias.copy()
        for o in range(outputs):
            row = slice(spec.indptr[o], spec.indptr[o + 1])
            sums[o] += arena[spec.src + spec.columns[row]] @ spec.values[row]
        arena[spec.dst : spec.dst + outputs] = activate(sums, spec.act)

    return ReferenceStep(
        "numpy_linear_sparse",
        spec.values.size,
        spec.values.nbytes + spec.columns.nbytes,
        linear_extent(spec.src, spec.inputs, spec.dst, outputs),
        apply,
    )


def linear_extent(src: int, inputs: int, dst: int, outputs: int) -> tuple[int, int]:
    """Return the arena range that a linear step touches."""
    return min(src, dst), max(src + inputs, dst + outputs)
