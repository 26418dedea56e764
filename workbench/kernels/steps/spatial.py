"""Factories of the pooling steps.

Belongs here: the public, checking face, and the windows of each pooling kind (the
geometry is worked out here; C only walks windows). Does not belong here: arithmetic.
"""

from typing import Literal

import numpy as np

from workbench.kernels.backend import make_step
from workbench.kernels.reference import spatial as reference
from workbench.kernels.values import checks
from workbench.kernels.values.specs import GlobalAverage, Pool
from workbench.kernels.values.types import I32, LANES, Geometry, Step

PoolKind = Literal["max", "avg", "adaptive_max", "adaptive_avg"]
Pair = tuple[int, int]

_ROOM = 4
"""Image rows that one row with its padding may be long: windows that hang over more are
cut to the image one by one.
"""


def pool(
    *,
    kind: PoolKind,
    geometry_in: Geometry,
    geometry_out: Geometry,
    kernel: Pair = (1, 1),
    stride: Pair = (1, 1),
    padding: tuple[int, ...] = (0, 0),
    count_include_pad: bool = True,
) -> Step:
    """Return a step that pools windows; NaN wins a maximum, as in torch.

    Parameters
    ----------
    kind : str
        ``max``, ``avg``, or the same with ``adaptive_``, which needs no kernel.
    geometry_in, geometry_out : Geometry
        The output size decides the number of windows, so ceil mode needs no flag.
    kernel, stride : pair of int
        (y, x), in pixels.
    padding : tuple of int
        (top, left), the same behind the last row and column, or (top, left, bottom,
        right).
    count_include_pad : bool
        Whether an average divides by the padded window or by its real pixels.

    Raises
    ------
    KernelError
        When channels differ or a window has no real pixel.
    """
    source = checks.geometry("geometry_in", geometry_in)
    target = checks.geometry("geometry_out", geometry_out)
    checks.require(
        source.channels == target.channels,
        f"{source.channels} channels in and {target.channels} out",
        "the same number",
        "Correct the layout of the output.",
    )
    for axis in (0, 1):
        checks.whole("kernel", kernel[axis], 1, checks.MOST_PIXELS)
        checks.whole("stride", stride[axis], 1, checks.MOST_PIXELS)
        checks.whole("padding", padding[axis], 0, checks.MOST_PIXELS)
    windows = []
    for axis, sizes in enumerate(
        ((source.height, target.height), (source.width, target.width))
    ):
        if kind.startswith("adaptive"):
            windows.append(_adaptive(*sizes))
        else:
            shape = kernel[axis], stride[axis]
            pads = padding[axis], padding[axis + len(padding) - 2]
            windows.append(_sliding(sizes, shape, pads, count_include_pad))
    (y0, y1, dy), (x0, x1, dx) = windows
    checks.require(
        bool(np.all(y1 > y0) and np.all(x1 > x0)),
        f"{kind} pool of {source.height} x {source.width} to "
        f"{target.height} x {target.width} with an empty window",
        "windows with at least one pixel each",
        "Correct kernel, stride, padding or the output size.",
    )
    room = kernel[1] + padding[1] + stride[1] * target.width
    slides = not kind.startswith("adaptive") and room <= _ROOM * source.width + LANES
    slide = (kernel[1], stride[1], padding[1]) if slides else (0, 0, 0)
    largest = kind.endswith("max")
    spec = Pool(largest, source, target, y0, y1, x0, x1, dy, dx, slide)
    return make_step("pool", spec, reference.pool)


def global_avg(*, geometry_in: Geometry, dst: int) -> Step:
    """Return a step that writes the mean of each channel to consecutive floats.

    Parameters
    ----------
    geometry_in : Geometry
    dst : int
        Arena offset, in floats, of ``geometry_in.channels`` floats.

    Raises
    ------
    KernelError
        When a size is not positive.
    """
    source = checks.geometry("geometry_in", geometry_in)
    checks.whole("dst", dst, 0)
    return make_step("global_avg", GlobalAverage(source, dst), reference.global_avg)


def _adaptive(size: int, windows: int) -> tuple[I32, I32, I32]:
    index = np.arange(windows, dtype=np.int64)
    start = index * size // windows
    stop = ((index + 1) * size + windows - 1) // windows
    return start.astype(np.int32), stop.astype(np.int32), _int32(stop - start)


def _sliding(
    sizes: Pair, shape: Pair, pads: Pair, include_pad: bool
) -> tuple[I32, I32, I32]:
    (size, windows), (kernel, stride) = sizes, shape
    start = np.arange(windows, dtype=np.int64) * stride - pads[0]
    stop = np.minimum(start + kernel, size + pads[1])
    padded = stop - start
    start, stop = np.clip(start, 0, size), np.minimum(stop, size)
    divisor = padded if include_pad else stop - start
    return _int32(start), _int32(stop), _int32(divisor)


def _int32(values: np.ndarray) -> I32:
    return np.ascontiguousarray(values, dtype=np.int32)
