"""Weights to offset lists: what every convolution kernel really reads.

Belongs here: taps of a window as float offsets in a layout, compressed rows of
a masked weight. Does not belong here: kernel-specific interleaving, which the
kernels do when a step is made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.engine.layout.layout import Layout, Pad
from workbench.errors import WorkbenchError

FARTHEST = (1 << 31) - 1
"""Floats from a pixel to a tap: kernels keep offsets in 32 bits."""

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Window:
    """The geometry of a convolution, without its channels.

    Parameters
    ----------
    kernel, stride, dilation : tuple of int
        (y, x).
    top, left : int
        Padding before the first row and column.
    size, out : tuple of int
        (H, W) of the input and of the output.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    top: int
    left: int
    size: tuple[int, int]
    out: tuple[int, int]

    @classmethod
    def of(
        cls,
        attrs: Mapping[str, Any],
        kernel: tuple[int, int],
        size: tuple[int, int],
        out: tuple[int, int],
    ) -> "Window":
        """Read the geometry from the attributes of a node."""
        top, left, _, _ = attrs.get("padding", (0, 0, 0, 0))
        stride = tuple(attrs.get("stride", (1, 1)))
        dilation = tuple(attrs.get("dilation", (1, 1)))
        return cls(
            kernel,
            (stride[0], stride[1]),
            (dilation[0], dilation[1]),
            top,
            left,
            size,
            out,
        )

    @property
    def pointwise(self) -> bool:
        """Say whether each output pixel reads exactly the input pixel below it."""
        return (
            self.kernel == (1, 1)
            and self.stride == (1, 1)
            and (self.top, self.left) == (0, 0)
            and self.size == self.out
        )

    def taps(self, axis: int) -> I64:
        """Return the input position of each tap at output position 0."""
        before = (self.top, self.left)[axis]
        return np.arange(self.kernel[axis], dtype=np.int64) * self.dilation[
            axis
        ] - np.int64(before)

    def pad(self, split: int = 1) -> Pad:
        """Return the zeros that reads outside of the input will meet.

        Phases of an odd size have a place where there is no pixel. Whoever reads it
        counts on a zero that nobody writes, as of every other one.

        Parameters
        ----------
        split : int
            1, or the stride of a phase-split input.
        """
        rows, columns = (self._overhang(axis, split) for axis in (0, 1))
        return Pad(rows, columns)

    def _overhang(self, axis: int, split: int) -> int:
        taps = self.taps(axis) // split
        step = self.stride[axis] // split
        size = -(-self.size[axis] // split)
        last = (self.out[axis] - 1) * step + int(taps.max())
        farthest = (self.out[axis] - 1) * self.stride[axis] + int(self.taps(axis).max())
        beyond = int(farthest >= self.size[axis])
        return max(beyond, -int(taps.min()), last - (size - 1))


def tap_offsets(window: Window, layout: Layout, channels: int) -> I64:
    """Return the float offset of each tap from its output pixel.

    Parameters
    ----------
    window : Window
    layout : Layout
        Of the input; phase-split when ``layout.split`` is the stride.
    channels : int
        Input channels, before any split.

    Returns
    -------
    numpy.ndarray of int64, shape (channels, KH, KW)

    Raises
    ------
    WorkbenchError
        Taps lie so far apart that kernels cannot keep the distance in 32 bits.
    """
    ys, xs = window.taps(0)[:, None], window.taps(1)[None, :]
    split = layout.split
    phase = (ys % split) * split + xs % split
    shift = (ys // split) * layout.row_stride + xs // split
    first = np.arange(channels, dtype=np.int64)[:, None, None]
    offsets = (phase * channels + first) * layout.channel_stride + shift
    farthest = max(int(offsets.max()), -int(offsets.min()))
    if farthest > FARTHEST:
        raise WorkbenchError(
            f"taps {farthest} floats from their pixel",
            f"at most {FARTHEST}",
            "Use smaller images or fewer channels.",
        )
    return offsets


@dataclass(frozen=True, eq=False)
class CompressedRows:
    """Non-zero weights of each output channel with their input offsets."""

    indptr: I32
    offsets: I32
    values: F32

    @property
    def count(self) -> int:
        """Count the stored weights."""
        return int(self.values.size)


def compress_rows(
    nonzeros: tuple[I64, F32], filters: int, offsets: I64, groups: int
) -> CompressedRows:
    """Return the non-zeros of a convolution weight as compressed rows.

    Parameters
    ----------
    nonzeros : (numpy.ndarray of int64, numpy.ndarray of float32)
        Places in the flat weight (O, C / groups, KH, KW), ascending, and what is there.
    filters : int
        O.
    offsets : numpy.ndarray of int64, shape (C, KH, KW)
        From `tap_offsets`.
    groups : int
        Groups of the convolution.

    Returns
    -------
    CompressedRows
        Within a row in the order of channels, then taps.
    """
    where, values = nonzeros
    each = offsets.size // groups
    indptr = np.searchsorted(where, np.arange(filters + 1) * each)
    # Offsets of filter f: those of its group; tap t of it stands at f * each + t.
    row = np.arange(filters)
    moved = (row // (filters // groups) - row) * each
    taps = where + np.repeat(moved, np.diff(indptr))
    return CompressedRows(
        indptr.astype(np.int32),
        offsets.reshape(-1).astype(np.int32)[taps],
        np.ascontiguousarray(values, np.float32),
    )
