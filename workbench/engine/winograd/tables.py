"""Where the tiles of a Winograd convolution lie: tables that the kernel walks.

Belongs here: the address arithmetic between an image in the arena and tile vectors
of 16 tiles. Does not belong here: matrices (`winograd`) or arithmetic (kernels).

Tiles are numbered along image rows; a tile vector holds 16 consecutive ones and may
span several tile rows. Its 16 * m columns are the output columns of its tiles, one
tile after the other.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workbench.engine.layout.layout import Layout
from workbench.engine.layout.offsets import Window
from workbench.kernels import LANES
from workbench.kernels.values.winograd_spec import WinogradTiles

I64 = NDArray[np.int64]
_LANE = np.arange(LANES, dtype=np.int64)


def make_tiles(m: int, window: Window, source: Layout, target: Layout) -> WinogradTiles:
    """Return the tables of F(m, 3) between two layouts.

    Parameters
    ----------
    m : int
        Outputs of a tile along one axis.
    window : Window
        A 3x3 window of stride 1; its padding need not be stored in ``source``.
    source, target : Layout
        Rows of the source are contiguous (not strips); any target, phases too.

    Examples
    --------
    >>> from workbench.engine.layout.layout import make_layout
    >>> plane = make_layout("planes", (1, 4, 4))
    >>> window = Window((3, 3), (1, 1), (1, 1), 1, 1, (4, 4), (4, 4))
    >>> tiles = make_tiles(2, window, plane, plane)
    >>> tiles.count, tiles.vectors, tiles.item_slot.tolist()
    (4, 1, [0, 4])
    """
    rows, columns = -(-window.out[0] // m), -(-window.out[1] // m)
    count = rows * columns
    items = _Items(m, window, source)
    start = [0]
    for first in range(0, count, LANES):
        stop = min(count, first + LANES)
        tile = first
        while tile < stop:
            row, column = divmod(tile, columns)
            end = min(columns, column + stop - tile)
            items.add(row, (column, end), m * (tile - first))
            tile += end - column
        start.append(len(items.slots))
    where = _targets(m, window.out, columns, target)
    if target.split > 1:
        where = np.concatenate((where[:, 0::2], where[:, 1::2]), axis=1)
    out_off, out_mask = _segments(where)
    return WinogradTiles(
        m,
        count,
        np.array(start, np.int32),
        np.array(items.offsets, np.int64),
        np.array(items.masks, np.uint16),
        np.array(items.slots, np.int32),
        np.array(items.halos, np.uint16),
        out_off,
        out_mask,
        unzip=target.split > 1,
    )


@dataclass
class _Items:
    """Collects runs of 16 input columns."""

    m: int
    window: Window
    source: Layout
    offsets: list[I64] = field(default_factory=list)
    masks: list[I64] = field(default_factory=list)
    slots: list[int] = field(default_factory=list)
    halos: list[int] = field(default_factory=list)

    def add(self, row: int, span: tuple[int, int], slot: int) -> None:
        """Add the input columns of tiles ``span`` of one tile row."""
        height, width = self.window.size
        ys = row * self.m - self.window.top + np.arange(self.m + 2, dtype=np.int64)
        inside = (ys >= 0) & (ys < height)
        lines = np.clip(ys, 0, height - 1) * self.source.row_stride
        for column in range(0, self.m * (span[1] - span[0]) + 2, LANES):
            x = self.m * span[0] - self.window.left + column
            kept = _bits((x + _LANE >= 0) & (x + _LANE < width))
            self.offsets.append(self.source.origin + lines + x)
            self.masks.append(np.where(inside, kept, 0))
            self.slots.append(slot + column)
            self.halos.append(_bits(column + _LANE >= self.m))


def _bits(lanes: NDArray[np.bool_]) -> int:
    """Return lane l as bit l."""
    return int((lanes.astype(np.int64) << _LANE).sum())


def _targets(m: int, size: tuple[int, int], columns: int, target: Layout) -> I64:
    """Return the float offset of every output, -1 outside, shape (chunks, 16)."""
    vectors = -(-columns * -(-size[0] // m) // LANES)
    column = np.arange(vectors * LANES * m, dtype=np.int64)
    tile = column // m
    ys = tile // columns * m + np.arange(m, dtype=np.int64)[:, None]
    xs = np.broadcast_to(tile % columns * m + column % m, ys.shape)
    inside = (ys < size[0]) & (xs < size[1])
    where = np.full(ys.shape, -1, np.int64)
    where[inside] = _pixels(target)[ys[inside], xs[inside]]
    by_vector = where.reshape(m, vectors, m, LANES).transpose(1, 0, 2, 3)
    return by_vector.reshape(-1, LANES)


def _pixels(target: Layout) -> I64:
    """Return the float offset of every pixel of channel 0, split or not."""
    if target.split == 1:
        return target.pixels()
    stride = target.channels // target.split**2 * target.channel_stride
    ys, xs = (np.arange(size, dtype=np.int64) for size in target.full)
    rows = target.origin + ys // 2 * target.row_stride + ys % 2 * 2 * stride
    return rows[:, None] + xs // 2 + xs % 2 * stride


def _segments(where: I64) -> tuple[I64, NDArray[np.uint16]]:
    """Return offsets and masks of the contiguous stretches of each chunk."""
    inside = where >= 0
    shifted = where - _LANE
    fresh = inside.copy()
    fresh[:, 1:] &= ~inside[:, :-1] | (shifted[:, 1:] != shifted[:, :-1])
    index = np.cumsum(fresh, axis=1) - 1
    count = max(1, int(index.max()) + 1)
    offsets = np.zeros((len(where), count), np.int64)
    masks = np.zeros((len(where), count), np.uint16)
    for segment in range(count):
        here = inside & (index == segment)
        chunk, lane = np.nonzero(here & fresh)
        offsets[chunk, segment] = shifted[chunk, lane]
        masks[:, segment] = (here << _LANE).sum(axis=1)
    return offsets, masks
