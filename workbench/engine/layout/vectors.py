"""Vector tables: which sixteen pixels go together, where they come from and go.

Belongs here: the address arithmetic between two layouts. Kernels know nothing
of layouts: they add these tables to their base pointers.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from workbench.engine.layout.layout import Layout
from workbench.kernels import LANES, ImageRows, Vectors

MAX_SEGMENTS = 3
"""Stores a vector may need: sixteen pixels that wrap around image rows."""


@dataclass(frozen=True)
class Walk:
    """How output pixels map to source pixels: (y * step_y, x * step_x) / repeat.

    Parameters
    ----------
    height, width : int
        Size of the output.
    step : tuple of int
        Source pixels between two output pixels (stride without phase split).
    repeat : tuple of int
        Output pixels that share one source pixel (nearest upsampling).
    pace : int
        Source floats between neighbouring lanes of a vector: 1, or the horizontal
        step for kernels that read every second pixel themselves.
    whole_rows : bool
        Start a vector at every output row.
    columns : tuple of int, optional
        Source columns of the leftmost and rightmost tap of output pixel 0, where the
        reader has taps and zeros lie beside the image for them.
    """

    height: int
    width: int
    step: tuple[int, int] = (1, 1)
    repeat: tuple[int, int] = (1, 1)
    pace: int = 1
    whole_rows: bool = False
    columns: tuple[int, int] | None = None


@lru_cache(maxsize=16)
def make_vectors(source: Layout, target: Layout, walk: Walk) -> Vectors:
    """Return the vectors that compute every output pixel once.

    Parameters
    ----------
    source, target : Layout
        Where pixels are read and written.
    walk : Walk
        Size of the output and its relation to the source.

    Returns
    -------
    Vectors
        Offsets are relative to the start of the source and target tensor.

    Examples
    --------
    >>> from workbench.engine.layout.layout import make_layout
    >>> strips = make_layout("strips", (1, 5, 5))
    >>> table = make_vectors(strips, strips, Walk(5, 5))
    >>> table.vec_in.tolist(), table.vec_mask.tolist()
    ([0, 16], [[65535], [511]])
    """
    reads = _source_addresses(source, walk)
    if target.split > 1:
        table = _unzipped(reads.reshape(walk.height, walk.width), target, walk.pace)
        return replace(table, rows=_image_rows(source, walk))
    writes = target.pixels()[: walk.height, : walk.width].reshape(-1)
    row = walk.width if walk.whole_rows else 0
    starts, lengths = _runs(reads, writes, walk.pace, row)
    packer = _Packer(walk.pace)
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        if row and start % row == 0:
            packer.cut()
        packer.take(int(reads[start]), int(writes[start]), length)
    table = packer.table(_row_vectors(source, walk))
    return replace(table, rows=_image_rows(source, walk))


def _source_addresses(source: Layout, walk: Walk) -> NDArray[np.int64]:
    rows = np.arange(walk.height, dtype=np.int64) * walk.step[0] // walk.repeat[0]
    columns = np.arange(walk.width, dtype=np.int64) * walk.step[1] // walk.repeat[1]
    if source.kind == "strips":
        return source.pixels()[rows[:, None], columns[None, :]].reshape(-1)
    lines = (rows + source.border) * source.row_stride
    return (lines[:, None] + columns[None, :]).reshape(-1)


def _runs(
    reads: NDArray[np.int64], writes: NDArray[np.int64], pace: int, row: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return start and length of the stretches contiguous on both sides.

    With ``row`` none goes beyond so many pixels of an image row.
    """
    broken = (np.diff(reads) != pace) | (np.diff(writes) != 1)
    if row:
        broken[row - 1 :: row] = True
    starts = np.concatenate(([0], np.flatnonzero(broken) + 1))
    lengths = np.diff(np.concatenate((starts, [reads.size])))
    return starts, lengths


def _row_vectors(source: Layout, walk: Walk) -> int:
    """Return the vectors of one image row if rows never share a vector."""
    plain = walk.step == (1, 1) and walk.repeat == (1, 1)
    if source.kind == "strips" or not plain or source.pitch % LANES:
        return 0
    if source.gap == 0 or walk.width > source.width:
        return 0
    return -(-walk.width // LANES)


def _image_rows(source: Layout, walk: Walk) -> ImageRows | None:
    """Return what lies beside the vectors, where neighbours in a row are neighbours."""
    plain = walk.step == (1, 1) and walk.repeat == (1, 1) and walk.pace == 1
    if source.kind == "strips" or not plain or walk.columns is None:
        return None
    return ImageRows(source.pitch, source.width, *walk.columns)


def _unzipped(reads: NDArray[np.int64], target: Layout, pace: int) -> Vectors:
    """Return vectors that write the four phases of a split target.

    Each vector stays within an image row; its even lanes go to one phase, its odd
    lanes to the other.
    """
    height, width = reads.shape
    phase_stride = target.channels // 4 * target.channel_stride
    starts: list[int] = []
    outs: list[tuple[int, int]] = []
    masks: list[tuple[int, int]] = []
    for y in range(height):
        row = target.origin + y // 2 * target.row_stride
        breaks = np.flatnonzero(np.diff(reads[y]) != pace) + 1
        edges = [0, *breaks.tolist(), width]
        for left, right in pairwise(edges):
            for x in range(left, right, LANES):
                count = min(LANES, right - x)
                places = [
                    row + (2 * (y % 2) + (x + odd) % 2) * phase_stride + (x + odd) // 2
                    for odd in (0, 1)
                ]
                starts.append(int(reads[y, x]))
                outs.append((places[0], places[1] - LANES // 2))
                even, odds = (1 << -(-count // 2)) - 1, (1 << count // 2) - 1
                masks.append((even, odds << LANES // 2))
    return Vectors(
        np.array(starts, np.int64),
        np.array(outs, np.int64),
        np.array(masks, np.uint16),
        unzip=True,
        pace=pace,
    )


_NEVER = 1 << 62
"""No pixel is read so far on."""


class _Packer:
    """Fills vectors greedily from stretches of pixels."""

    def __init__(self, pace: int) -> None:
        self._pace = pace
        self._reads: list[int] = []
        self._outs: list[list[int]] = []
        self._masks: list[list[int]] = []
        self._next = -1

    def cut(self) -> None:
        """Start a vector with what is added next."""
        self._next = _NEVER

    def take(self, read: int, write: int, length: int) -> None:
        """Add ``length`` pixels that are contiguous on both sides."""
        while length:
            lane = self._lane(read, write)
            count = min(length, LANES - lane)
            bits = ((1 << count) - 1) << lane
            outs, masks = self._outs[-1], self._masks[-1]
            if outs and outs[-1] == write - lane:
                masks[-1] |= bits
            else:
                outs.append(write - lane)
                masks.append(bits)
            self._next = read + count * self._pace
            read, write, length = self._next, write + count, length - count

    def _lane(self, read: int, write: int) -> int:
        if self._reads:
            lane, beside = divmod(read - self._reads[-1], self._pace)
            open_lane = self._next <= read and lane < LANES and not beside
            room = len(self._outs[-1]) < MAX_SEGMENTS
            if open_lane and (room or self._outs[-1][-1] == write - lane):
                return lane
        self._reads.append(read)
        self._outs.append([])
        self._masks.append([])
        return 0

    def table(self, row_vectors: int) -> Vectors:
        """Return the table with every vector padded to the same segments."""
        segments = max(len(outs) for outs in self._outs)
        vec_out = np.zeros((len(self._outs), segments), np.int64)
        vec_mask = np.zeros((len(self._outs), segments), np.uint16)
        for row, (outs, masks) in enumerate(zip(self._outs, self._masks, strict=True)):
            vec_out[row, : len(outs)] = outs
            vec_mask[row, : len(masks)] = masks
        whole = row_vectors and len(self._outs) % row_vectors == 0
        return Vectors(
            np.array(self._reads, np.int64),
            vec_out,
            vec_mask,
            row_vectors if whole else 0,
            pace=self._pace,
        )
