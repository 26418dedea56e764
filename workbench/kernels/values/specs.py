"""Checked arguments of every step kind: what a factory hands to a back end.

Belongs here: frozen dataclasses with arrays of the right type, shape and bounds.
They are made by the factories only (conv, linear, spatial, pointwise), which check
them. Does not belong here: checks (checks.py) or arithmetic (reference, native).
"""

from dataclasses import dataclass, field

import numpy as np

from workbench.kernels.values.frames import Frame
from workbench.kernels.values.types import (
    F32,
    I32,
    NO_ACTIVATION,
    Activation,
    Geometry,
    Vectors,
)


@dataclass(frozen=True, eq=False)
class Placement:
    """Where a convolution reads and writes, and what it does at the end.

    Parameters
    ----------
    vectors : Vectors
        Where each 16-pixel vector reads and writes.
    src, dst, residual : int
        Arena offsets, in floats, of the source, destination and added tensors. The
        residual has the layout of the destination and may be the destination.
    out_cs : int
        Floats between two channels of the destination.
    act : Activation
    arena_floats : int
        Size of the arena that the step will run in.
    frame : Frame, optional
        The source image has no borders in memory (depthwise only).
    extent : tuple of int
        First float touched and one past the last: known once factories checked it.
    """

    vectors: Vectors
    src: int
    dst: int
    out_cs: int
    act: Activation = NO_ACTIVATION
    residual: int | None = None
    arena_floats: int = field(kw_only=True)
    frame: Frame | None = None
    extent: tuple[int, int] = (0, 0)


@dataclass(frozen=True, eq=False)
class ConvSparse:
    """Rows of (offset, value) pairs, one row an output channel."""

    indptr: I32
    offsets: I32
    values: F32
    bias: F32
    place: Placement
    variant: str | None


@dataclass(frozen=True, eq=False)
class ConvBlocks:
    """Rows of (offset, n values), one row for n consecutive output channels."""

    indptr: I32
    offsets: I32
    values: F32
    bias: F32
    place: Placement

    @property
    def height(self) -> int:
        """Output channels of a block."""
        return int(self.values.shape[1])


@dataclass(frozen=True, eq=False)
class ConvDense:
    """Dense weights (G, O/G, T) and the offsets (G, T) of the taps of each group.

    ``interleaved``: neighbouring output channels are of different groups.
    """

    weights: F32
    offsets: I32
    bias: F32
    place: Placement
    variant: str | None
    interleaved: bool = False


@dataclass(frozen=True, eq=False)
class Depthwise:
    """One filter a channel: weights (C, T)."""

    weights: F32
    offsets: I32
    in_cs: int
    bias: F32
    place: Placement


@dataclass(frozen=True, eq=False)
class LinearDense:
    """Weights (O, I) on a contiguous vector."""

    weights: F32
    bias: F32
    src: int
    dst: int
    act: Activation


@dataclass(frozen=True, eq=False)
class LinearSparse:
    """Compressed sparse rows on a contiguous vector of ``inputs`` floats."""

    indptr: I32
    columns: I32
    values: F32
    bias: F32
    src: int
    dst: int
    act: Activation
    inputs: int


@dataclass(frozen=True, eq=False)
class Pool:
    """Windows [y0, y1) x [x0, x1) an output pixel; averages divide by dy * dx.

    ``slide`` is (width, step, pad) when the columns are a sliding window, else zeros.
    """

    maximum: bool
    source: Geometry
    target: Geometry
    y0: I32
    y1: I32
    x0: I32
    x1: I32
    dy: I32
    dx: I32
    slide: tuple[int, int, int] = (0, 0, 0)

    @property
    def whole(self) -> bool:
        """Whether windows are 2 x 2, side by side and whole, and rows contiguous."""
        ends = ((self.y0, self.y1), (self.x0, self.x1))
        fit = all(
            np.array_equal(first, 2 * np.arange(first.size))
            and np.array_equal(last - first, np.full(first.size, 2))
            for first, last in ends
        )
        counted = np.all(self.dx == 2) and np.all(self.dy == 2)
        kinds = (self.source.kind, self.target.kind)
        return fit and bool(self.maximum or counted) and "strips" not in kinds


@dataclass(frozen=True, eq=False)
class GlobalAverage:
    """The mean of each channel, written to consecutive floats."""

    source: Geometry
    dst: int


@dataclass(frozen=True, eq=False)
class Pointwise:
    """``out = act(a op b)``; op is add, mul or copy (b unused).

    ``broadcast`` says that b has one element a channel. ``phase_split`` says that out
    holds the four phases of a, channel = (2 * (y % 2) + x % 2) * C + c.
    """

    op: str
    a: Geometry
    b: Geometry | None
    out: Geometry
    act: Activation = NO_ACTIVATION
    broadcast: bool = field(default=False)
    phase_split: bool = field(default=False)


@dataclass(frozen=True, eq=False)
class Transfer:
    """Between a contiguous (C, H, W) image, ``offset`` floats in, and the arena."""

    inside: Geometry
    load: bool
    channels: int
    height: int
    width: int
    phase_split: bool
    offset: int = 0


@dataclass(frozen=True, eq=False)
class FmaPeak:
    """How often every value at the head of the arena is halved and given 1/2."""

    rounds: int
