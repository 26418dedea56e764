"""Checks shared by the factories: what C receives has been through here.

Belongs here: type, shape, contiguity and bounds checks that raise KernelError with
found, expected and next step. Does not belong here: anything of a single kernel.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.kernels.values.types import (
    F32,
    LANES,
    Activation,
    Geometry,
    KernelError,
    Vectors,
)

MAX_SEGMENTS = 3

MOST_FLOATS = 1 << 44
"""Of an address or a stride: products with the sizes of arrays that exist fit in C."""

MOST_PIXELS = (1 << 31) - 1
"""Of an axis, a window, a stride or a pad: kernels keep them in 32 bits."""

_FIX_ARRAY = "Convert it with numpy.ascontiguousarray(x, dtype=...)."
_FIX_BOUNDS = "Make the arena larger or correct the layout that made the offsets."


def array(name: str, value: Any, dtype: type, ndim: int) -> NDArray[Any]:
    """Return ``value`` when it is a contiguous array of this type and rank.

    Raises
    ------
    KernelError
        When type, rank or contiguity differ.
    """
    if not isinstance(value, np.ndarray) or value.dtype != dtype:
        found = getattr(value, "dtype", type(value).__name__)
        raise KernelError(f"{name} of type {found}", np.dtype(dtype).name, _FIX_ARRAY)
    if value.ndim != ndim:
        raise KernelError(
            f"{name} of shape {value.shape}", f"{ndim} dimensions", "Reshape it."
        )
    if not value.flags.c_contiguous:
        raise KernelError(f"{name} with strides", "a C-contiguous array", _FIX_ARRAY)
    return value


def images(name: str, value: F32, floats: int) -> None:
    """Check an array of images with ``floats`` floats each; 0 is any number.

    Every call of a program comes here with cold caches: no text is made unless it is
    told.

    Raises
    ------
    KernelError
        When type, contiguity or size differ.
    """
    array(name, value, np.float32, value.ndim)
    if value.ndim == 0 or (floats and value.size != len(value) * floats):
        raise KernelError(
            f"{name} of shape {value.shape}",
            f"(N, ...) with {floats} floats an image",
            "Match the input and output shape of the program.",
        )


def require(condition: bool, found: str, expected: str, next_step: str) -> None:
    """Raise a KernelError unless the condition holds."""
    if not condition:
        raise KernelError(found, expected, next_step)


def whole(name: str, value: int, least: int, most: int = MOST_FLOATS) -> int:
    """Return ``value`` when it is a Python integer within bounds.

    NumPy's integers are none: their products wrap.

    Raises
    ------
    KernelError
        When it is another type or out of bounds.
    """
    if type(value) is not int or not least <= value <= most:
        raise KernelError(
            f"{name} of {value!r} ({type(value).__name__})",
            f"an integer from {least} to {most}",
            "Correct the layout or the attribute that it came from.",
        )
    return value


def compressed_rows(
    indptr: NDArray[np.int32], columns: NDArray[np.int32], values: NDArray[np.float32]
) -> None:
    """Check the three arrays of compressed sparse rows against each other."""
    require(
        indptr.size >= 2 and indptr[0] == 0 and bool(np.all(np.diff(indptr) >= 0)),
        f"indptr of {indptr.size} entries that starts at {indptr[:1].tolist()}",
        "at least one row, a start of 0 and no decrease",
        "Rebuild the sparse rows from the mask.",
    )
    require(
        int(indptr[-1]) == columns.size == values.size,
        f"indptr ends at {indptr[-1]}, {columns.size} indices, {values.size} values",
        "three equal numbers",
        "Rebuild the sparse rows from the mask.",
    )


def vectors(table: Vectors, paces: tuple[int, ...] = (1,)) -> Vectors:
    """Check the types and shapes of a vector table, and that its pace is covered."""
    array("vec_in", table.vec_in, np.int64, 1)
    array("vec_out", table.vec_out, np.int64, 2)
    array("vec_mask", table.vec_mask, np.uint16, 2)
    shape = (table.count, table.vec_out.shape[1])
    require(
        table.vec_out.shape == shape == table.vec_mask.shape
        and table.count > 0
        and 1 <= shape[1] <= MAX_SEGMENTS,
        f"vec_in {table.vec_in.shape}, vec_out {table.vec_out.shape}, "
        f"vec_mask {table.vec_mask.shape}",
        f"(V,), (V, S), (V, S) with V > 0 and S of 1 to {MAX_SEGMENTS}",
        "Rebuild the vector table of this layout pair.",
    )
    for name in ("vec_in", "vec_out"):
        places = getattr(table, name)
        low, high = int(places.min()), int(places.max())
        require(
            max(-low, high) <= MOST_FLOATS,
            f"{name} from {low} to {high}",
            f"places within {MOST_FLOATS} floats",
            _FIX_BOUNDS,
        )
    require(
        not table.unzip or (shape[1] > 1 and table.row_vectors == 0),
        f"unzip with {shape[1]} segments and row_vectors of {table.row_vectors}",
        "two segments or more and no row_vectors",
        "Pad the segments with empty masks.",
    )
    require(
        table.pace in paces,
        f"a pace of {table.pace}",
        "a pace of " + " or ".join(map(str, paces)),
        "Split the phases of the input, or use a depthwise step.",
    )
    rows = table.row_vectors
    require(
        rows >= 0 and (rows == 0 or table.count % rows == 0),
        f"row_vectors of {rows} with {table.count} vectors",
        "0 or a divisor of the number of vectors",
        "Set row_vectors to the vectors of one image row.",
    )
    if rows > 1:
        steps = np.diff(table.vec_in.reshape(-1, rows), axis=1)
        require(
            bool(np.all(steps == LANES)),
            "rows whose vectors are not 16 floats apart",
            "consecutive vectors within each image row",
            "Set row_vectors to 0 for this layout.",
        )
    return table


def read_extent(table: Vectors, src: int, lo: int, hi: int) -> tuple[int, int]:
    """Return the arena range that full-vector loads at offsets lo..hi touch."""
    first = src + int(table.vec_in.min()) + lo
    return first, src + int(table.vec_in.max()) + hi + LANES * table.pace


def write_extent(
    table: Vectors, dst: int, out_cs: int, channels: int
) -> tuple[int, int]:
    """Return the arena range that the masked stores touch (empty masks are skipped)."""
    used = table.vec_mask != 0
    if not used.any():
        return dst, dst
    masks = table.vec_mask[used].astype(np.int64)
    low = np.log2(masks & -masks).astype(np.int64)
    high = np.floor(np.log2(masks)).astype(np.int64)
    starts = table.vec_out[used]
    span = (channels - 1) * out_cs
    first = int((starts + low).min()) + min(0, span)
    last = int((starts + high).max()) + max(0, span)
    return dst + first, dst + last + 1


def inside_arena(name: str, extent: tuple[int, int], arena_floats: int) -> None:
    """Check that a range of floats lies in the arena."""
    require(
        extent[0] >= 0 and extent[1] <= arena_floats,
        f"{name} touches floats {extent[0]}..{extent[1]} of the arena",
        f"a range within 0..{arena_floats}",
        _FIX_BOUNDS,
    )


def join(extents: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the smallest range that holds all the ranges."""
    return min(e[0] for e in extents), max(e[1] for e in extents)


def geometry(name: str, shape: Geometry) -> Geometry:
    """Check that sizes are positive and strides do not fold elements together."""
    for field in ("channels", "height", "width"):
        whole(f"{field} of {name}", getattr(shape, field), 1, MOST_PIXELS)
    for field in ("channel_stride", "row_stride", "base"):
        whole(f"{field} of {name}", getattr(shape, field), 0)
    row = LANES if shape.kind == "strips" else shape.width
    require(
        shape.height == 1 or shape.row_stride >= min(row, shape.width),
        f"{name} with a row stride of {shape.row_stride}",
        f"at least {min(row, shape.width)} floats",
        "Correct the layout of this tensor.",
    )
    return shape


def activation(act: Activation) -> Activation:
    """Check that ``act`` is an Activation."""
    require(
        isinstance(act, Activation),
        f"act of type {type(act).__name__}",
        "workbench.kernels.Activation",
        'Write Activation("relu").',
    )
    return act
