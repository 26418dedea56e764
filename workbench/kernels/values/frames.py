"""Source images whose borders are not stored: what is read outside of them is zero.

Belongs here: the frame of such an image, which memory its taps touch, and which lanes
of a tap are inside. Does not belong here: arithmetic.
"""

from dataclasses import dataclass

import numpy as np

from workbench.kernels.values import checks
from workbench.kernels.values.types import I32, LANES, U16, Vectors

SIZES = (3, 5)
"""Filters that the depthwise kernel puts a frame around."""


@dataclass(frozen=True)
class Frame:
    """The source image of a depthwise convolution that adds the padding itself.

    Parameters
    ----------
    height, width : int
        Of the source image.
    top, left : int
        Padding before its first row and column; zeros follow the last ones.
    kernel : int
        Filter rows, and taps of each, without dilation.
    stride : int
        Source pixels between two output pixels, both ways; the pace of the vectors.
    columns : int
        Vectors of an output row: lane l of vector ``r * columns + j`` makes pixel
        ``16 j + l`` of row r.
    pitch : int
        Floats between two rows of the source.
    """

    height: int
    width: int
    top: int
    left: int
    kernel: int
    stride: int
    columns: int
    pitch: int

    def rows(self, units: tuple[int, int]) -> tuple[int, int]:
        """Return first and last + 1 of the image rows that some vectors read."""
        first, last = units[0] // self.columns, (units[1] - 1) // self.columns
        low = max(0, self.stride * first - self.top)
        high = min(self.height, self.stride * last - self.top + self.kernel)
        return low, max(low, high)

    def extent(
        self, origin: int, units: tuple[int, int], channels: tuple[int, int] = (0, 0)
    ) -> tuple[int, int]:
        """Return the arena range that some vectors touch, from pixel (0, 0) on.

        Whole vectors are loaded, and up to two floats on either side of them.

        Parameters
        ----------
        origin : int
            Float of pixel (0, 0) of the first channel.
        units : tuple of int
            First vector and one past the last.
        channels : tuple of int
            Floats from the first channel to the lowest and to the highest one.
        """
        first, stop = self.rows(units)
        low = high = origin
        if first < stop:
            beside = self.left + self.kernel
            length = self.stride * LANES * self.columns
            low = origin + first * self.pitch - beside
            high = origin + (stop - 1) * self.pitch + length + beside
        return low + channels[0], high + channels[1]

    def positions(self) -> I32:
        """Return the image column of each lane, shape (columns, kernel taps, 16)."""
        lane = np.arange(self.columns * LANES, dtype=np.int32) * self.stride
        tap = np.arange(self.kernel, dtype=np.int32) - self.left
        return lane.reshape(self.columns, 1, LANES) + tap[None, :, None]

    def lanes(self) -> U16:
        """Return which lanes of each tap lie inside of the image: bits, per column.

        Examples
        --------
        >>> Frame(7, 7, 1, 1, 3, 1, 1, 7).lanes().tolist()
        [[254, 127, 63]]
        """
        inside = (self.positions() >= 0) & (self.positions() < self.width)
        bits = inside.astype(np.uint32) << np.arange(LANES, dtype=np.uint32)
        return np.asarray(bits.sum(axis=2), dtype=np.uint16)

    def check(self, offsets: I32, table: Vectors) -> None:
        """Raise a KernelError unless taps and vectors are those of this frame."""
        size = self.kernel
        for name in ("height", "width", "columns", "pitch"):
            checks.whole(
                f"{name} of a frame", getattr(self, name), 1, checks.MOST_PIXELS
            )
        for name in ("top", "left", "kernel", "stride"):
            checks.whole(
                f"{name} of a frame", getattr(self, name), 0, checks.MOST_PIXELS
            )
        checks.require(
            size in SIZES,
            f"{self}",
            "a kernel of " + " or ".join(map(str, SIZES)),
            "Leave the frame out and store zeros around the image.",
        )
        taps = np.arange(size, dtype=np.int64)
        rows = (taps - self.top) * self.pitch
        wanted = (rows[:, None] + taps - self.left).reshape(-1)
        checks.require(
            self.stride in (1, 2)
            and 0 <= self.top <= size // 2
            and 0 <= self.left <= size // 2
            and np.array_equal(offsets, wanted),
            f"{self} for taps at {offsets.tolist()}",
            "3x3 or 5x5 neighbouring taps of stride 1 or 2, at most half outside",
            "Leave the frame out and store zeros around the image.",
        )
        outputs = -(-table.count // self.columns)
        below = self.stride * (outputs - 1) - self.top + size - self.height
        row = np.arange(outputs, dtype=np.int64)
        column = np.arange(self.columns, dtype=np.int64) * LANES
        starts = self.stride * (row[:, None] * self.pitch + column).reshape(-1)
        checks.require(
            table.pace == self.stride
            and below <= size // 2
            and np.array_equal(table.vec_in - table.vec_in[0], starts),
            f"{table.count} vectors at a pace of {table.pace}",
            f"whole output rows of {self.columns} vectors, at a pace of {self.stride}",
            "Start a vector at each output row, or leave the frame out.",
        )
