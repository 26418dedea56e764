"""Where the elements of one activation tensor are in memory.

Belongs here: the four layouts, their sizes and addresses. Does not belong
here: which layout a tensor gets (`select`), where it starts (`arena`).

planes  [C][H + 2b][P]   one plane a channel, rows run together; the gap P - W
                         is the right pad of a row and the left pad of the next
rows    [H + 2b][C][P]   one image row of every channel; P a multiple of 16
strips  [HW / 16][C][16] sixteen flattened pixels of every channel; no pad
        (rows and strips: room for an odd number of channels, so that what lies
        below each other does not meet in one set of the L1 cache)
tight   [C][H][W]        contiguous, what a linear layer reads

A split layout stores stride x stride phases of each channel at reduced size:
channel = phase * C + c with phase = stride_x * (y % stride_y) + x % stride_x.
"""

from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from workbench.kernels import LANES, Geometry
from workbench.kernels.values.types import GeometryKind

KINDS = ("planes", "rows", "strips", "tight")
PITCH_ROUNDING = 1.08
"""Planes pay at most 8 % of memory to make the row pitch a multiple of 16."""


@dataclass(frozen=True)
class Layout:
    """One way to store a (C, H, W) tensor.

    Parameters
    ----------
    kind : str
        planes, rows, strips or tight.
    channels, height, width : int
        What is stored; for a split layout 4C channels at half resolution.
    border : int
        Zero rows above and below.
    channel_stride, row_stride : int
        In floats; for strips the row stride is the distance of two strips.
    pitch : int
        Floats of one row of one channel, gap included.
    split : int
        1, or the stride whose phases are stored apart.
    full : tuple of int
        (H, W) before a split: odd sizes leave places that nobody writes.
    padded : bool
        Whether readers count on zeros that nobody writes.
    """

    kind: str
    channels: int
    height: int
    width: int
    border: int
    channel_stride: int
    row_stride: int
    pitch: int
    split: int = 1
    full: tuple[int, int] = (0, 0)
    padded: bool = False

    @property
    def gap(self) -> int:
        """Zero floats between the end of a row and the start of the next."""
        return self.pitch - self.width

    @property
    def origin(self) -> int:
        """Float offset of element (0, 0, 0) from the start of the tensor."""
        return 0 if self.kind == "strips" else self.border * self.row_stride

    @property
    def size(self) -> int:
        """Floats of the whole tensor, borders included."""
        rows = self.height + 2 * self.border
        if self.kind == "strips":
            return -(-self.height * self.width // LANES) * self.row_stride
        if self.kind == "rows":
            return rows * self.row_stride
        return self.channels * self.channel_stride

    def pixels(self) -> NDArray[np.int64]:
        """Return the float offset of every pixel of channel 0, shape (H, W)."""
        if self.kind == "strips":
            flat = np.arange(self.height * self.width, dtype=np.int64)
            address = flat // LANES * self.row_stride + flat % LANES
            return address.reshape(self.height, self.width)
        rows = (np.arange(self.height, dtype=np.int64) + self.border) * self.row_stride
        return rows[:, None] + np.arange(self.width, dtype=np.int64)[None, :]

    def geometry(self, base: int, *, first: int = 0, count: int = 0) -> Geometry:
        """Return what generic kernels need to walk channels of this tensor.

        Parameters
        ----------
        base : int
            Arena offset of the tensor in floats.
        first, count : int
            Channel range; everything by default.
        """
        kind: GeometryKind = "planes"
        if self.kind in ("rows", "strips"):
            kind = "rows" if self.kind == "rows" else "strips"
        return Geometry(
            kind,
            count or self.channels,
            self.height,
            self.width,
            self.channel_stride,
            self.row_stride,
            base + self.origin + first * self.channel_stride,
        )

    def __str__(self) -> str:
        text = self.kind
        if self.border or self.gap:
            text += f" b{self.border} p{self.pitch}"
        return text if self.split == 1 else f"{text} split{self.split}"


@dataclass(frozen=True)
class Pad:
    """Zeros that a reader needs around a tensor: rows above/below, floats beside."""

    rows: int = 0
    columns: int = 0

    def __or__(self, other: "Pad") -> "Pad":
        return Pad(max(self.rows, other.rows), max(self.columns, other.columns))

    def fits(self, layout: Layout) -> bool:
        """Say whether ``layout`` has at least these zeros."""
        return layout.border >= self.rows and layout.gap >= self.columns


def _odd_lines(floats: int) -> int:
    """Round up to an odd number of 64-byte lines: channels must not alias in L1."""
    lines = -(-floats // LANES)
    return (lines + 1 - lines % 2) * LANES


def image_of(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return the (C, H, W) as which a tensor of any rank is stored.

    Examples
    --------
    >>> image_of((5,)), image_of((197, 64)), image_of((3, 4, 5, 6)), image_of(())
    ((5, 1, 1), (197, 1, 64), (3, 20, 6), (1, 1, 1))
    """
    if len(shape) < 2:
        return (*shape, 1, 1, 1)[0], 1, 1
    return shape[0], prod(shape[1:-1]), shape[-1]


def make_layout(kind: str, shape: tuple[int, ...], pad: Pad = Pad()) -> Layout:
    """Return the layout of a tensor that gives its readers enough zeros.

    Parameters
    ----------
    kind : str
        planes, rows, strips or tight.
    shape : tuple of int
        (C, H, W), (F,) for features, or of any rank.
    pad : Pad
        Zeros that the readers need; strips and tight have none.

    Returns
    -------
    Layout

    Examples
    --------
    >>> make_layout("planes", (2, 7, 7), Pad(1, 1)).channel_stride
    80
    >>> make_layout("strips", (8, 5, 5)).size
    288
    """
    channels, height, width = image_of(shape)
    if kind == "strips":
        size = (channels, height, width)
        return Layout(kind, *size, 0, LANES, (channels | 1) * LANES, width)
    if kind == "tight":
        return Layout(kind, channels, height, width, 0, height * width, width, width)
    pitch = width + pad.columns
    even = -(-pitch // LANES) * LANES
    if kind == "rows" or even <= pitch * PITCH_ROUNDING:
        pitch = even
    if kind == "rows":
        strides = (pitch, (channels | 1) * pitch)
    else:
        strides = (_odd_lines((height + 2 * pad.rows) * pitch), pitch)
    size = (channels, height, width)
    return Layout(kind, *size, pad.rows, *strides, pitch, padded=pad != Pad())


def split_layout(
    kind: str, shape: tuple[int, ...], stride: int, pad: Pad = Pad()
) -> Layout:
    """Return the phase-split layout of a tensor for convolutions of this stride.

    Parameters
    ----------
    kind : str
        planes or rows.
    shape : tuple of int
        (C, H, W) of the tensor.
    stride : int
        2: four phases of half resolution.
    pad : Pad
        Zeros needed around each phase.
    """
    channels, height, width = shape
    phases = (channels * stride**2, -(-height // stride), -(-width // stride))
    return replace(make_layout(kind, phases, pad), split=stride, full=(height, width))
