"""Checked arguments of the Winograd convolution, and where its tiles are.

Belongs here: the values that pass from the engine through the factory to a back end.
Does not belong here: how tiles are laid out (engine) or any arithmetic.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.kernels.values.types import F32, I32, I64, LANES, U16, Activation

F64 = NDArray[np.float64]

ROWS = 8
"""Output channels of one packed weight tile; WB_WINOGRAD_ROWS in C."""


@dataclass(frozen=True, eq=False)
class WinogradTiles:
    """Where the tile vectors (16 tiles of m x m outputs each) read and write.

    Parameters
    ----------
    m : int
        Outputs of a tile along one axis: 2, 4 or 6.
    count : int
        Tiles with at least one output pixel.
    item_start : array of int32, shape (V + 1,)
        Items of tile vector v: ``item_start[v] .. item_start[v + 1]``.
    item_off : array of int64, shape (items, m + 2)
        Float offset from the source, at channel 0, of 16 consecutive columns in each
        row of a tile row; also valid to load where the mask is 0.
    item_mask : array of uint16, shape (items, m + 2)
        Lanes inside the image; the others read as zero.
    item_slot : array of int32, shape (items,)
        Where lane 0 belongs among the 16 * m columns of the vector's tiles.
    item_halo : array of uint16, shape (items,)
        Lanes that are also columns m and m + 1 of the tile before.
    out_off : array of int64, shape (V * m * m, S)
        Chunk ``(v * m + row) * m + j`` is columns ``16 j .. 16 j + 15`` of one output
        row of the vector's tiles: float offset from the destination of lane 0 in
        each segment.
    out_mask : array of uint16, shape (V * m * m, S)
        Lanes stored in each segment.
    unzip : bool
        Even columns of each chunk come first, then odd ones, and ``out_off`` and
        ``out_mask`` count lanes after that: how phases are written.
    """

    m: int
    count: int
    item_start: I32
    item_off: I64
    item_mask: U16
    item_slot: I32
    item_halo: U16
    out_off: I64
    out_mask: U16
    unzip: bool = False

    @property
    def vectors(self) -> int:
        """Count the tile vectors."""
        return int(self.item_start.size - 1)


@dataclass(frozen=True, eq=False)
class WinogradWeights:
    """Weights in the Winograd domain and the matrices that belong to them.

    Parameters
    ----------
    coords : array of float32, shape ((m + 2) ** 2, O, C)
        One matrix a coordinate, row-major over the tile.
    bt : array of float32, shape (m + 2, m + 2)
        Input transform; points 0, +p, -p, ..., infinity in this order.
    at : array of float32, shape (m, m + 2)
        Output transform.
    sparse : bool
        Skip the zeros of ``coords`` instead of multiplying them.
    """

    coords: F32
    bt: F32
    at: F32
    sparse: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Coordinates, output and input channels."""
        return self.coords.shape

    @property
    def products(self) -> int:
        """Multiplications a tile: non-zeros, or all."""
        return int(np.count_nonzero(self.coords) if self.sparse else self.coords.size)


@dataclass(frozen=True, eq=False)
class WinogradTaps:
    """Ordinary 3x3 weights that are transformed while they are used, all dense.

    Parameters
    ----------
    taps : array of float32, shape (O, C, 3, 3)
    g : array of float64, shape (m + 2, 3)
        Weight transform.
    bt, at : array of float32
        As in `WinogradWeights`.
    """

    taps: F32
    g: F64
    bt: F32
    at: F32
    sparse: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Coordinates, output and input channels."""
        return (self.g.shape[0] ** 2, *self.taps.shape[:2])

    @property
    def coords(self) -> F32:
        """What `WinogradWeights` holds: ``G g G^T`` in float64, rounded once.

        Without matrix products: threads of a BLAS spin on for a while after each,
        beside kernels that are timed and weights that are packed.
        """
        taps = self.taps.transpose(2, 3, 0, 1).astype(np.float64)
        half = np.einsum("ay,yxoc->axoc", self.g, taps)
        coords: F64 = np.einsum("bx,axoc->aboc", self.g, half)
        return coords.astype(np.float32).reshape(self.shape)

    @property
    def products(self) -> int:
        """Multiplications a tile."""
        return int(np.prod(self.shape))


@dataclass(frozen=True)
class WinogradBlock:
    """How much is computed at a time, so that it stays in the cache.

    Parameters
    ----------
    vectors : int
        Tile vectors of a block.
    outputs : int
        Output channels of a chunk, a multiple of 8.
    ready : bool
        Weights given as taps wait in the Winograd domain, instead of being transformed
        in every run.
    """

    vectors: int
    outputs: int
    ready: bool = False

    def __str__(self) -> str:
        return f"{self.vectors}x{self.outputs}{' ready' if self.ready else ''}"


@dataclass(frozen=True, eq=False)
class WinogradConv:
    """Everything a back end needs to build the step."""

    tiles: WinogradTiles
    weights: WinogradWeights | WinogradTaps
    bias: F32
    src: int
    in_cs: int
    dst: int
    out_cs: int
    act: Activation
    residual: int | None
    block: WinogradBlock
    extent: tuple[int, int]
    rectify: bool = False

    @property
    def macs(self) -> int:
        """Multiplications in the Winograd domain for tiles that exist."""
        return self.weights.products * self.tiles.count


def coefficients(weights: WinogradWeights | WinogradTaps) -> F32:
    """The numbers that the straight-line transforms use, in the order C reads them.

    Even and odd parts share them: the product of all (x - p^2), the products without
    one pair, the points, and their powers (ext/kernels/winograd/winograd_transform.h).
    """
    m = weights.at.shape[0]
    half = m // 2
    full = weights.bt[0, 0 : 2 * half : 2]
    part = weights.bt[1 : 2 * half : 2, 2 : 2 * half : 2]
    point = weights.at[1, 1 : 2 * half : 2]
    power = weights.at[:, 1 : 2 * half : 2].T
    values = (full, part.ravel(), point, power.ravel())
    return np.ascontiguousarray(np.concatenate(values), dtype=np.float32)


def filter_rows(weights: WinogradTaps) -> F64:
    """What the weight transform uses of G, in the order C reads it.

    The entry of point 0, then the rows of p_1, p_2, ...: those of -p_1, ... differ in
    one sign (ext/kernels/winograd/winograd_transform.h).
    """
    pairs = weights.g[1 : len(weights.g) - 1 : 2]
    return np.concatenate((weights.g[0, :1], pairs.ravel()))


def pack_dense(coords: F32, outputs: int) -> F32:
    """Weights in execution order: [chunk][coordinate][tile of 8][C][8].

    Parameters
    ----------
    coords : array of float32, shape (K, O, C)
    outputs : int
        Output channels of a chunk; the last may be shorter. Rows are padded with
        zeros to a multiple of 8.

    Returns
    -------
    array of float32, one dimension, 64-byte aligned
    """
    count, rows, channels = coords.shape
    padded = coords
    if rows % ROWS:
        padded = np.zeros((count, -(-rows // ROWS) * ROWS, channels), dtype=np.float32)
        padded[:, :rows] = coords
    packed = empty_aligned(padded.size)
    start = 0
    for first in range(0, padded.shape[1], outputs):
        tiles = padded[:, first : first + outputs].reshape(count, -1, ROWS, channels)
        room = packed[start : start + tiles.size]
        room.reshape(count, -1, channels, ROWS)[:] = tiles.transpose(0, 1, 3, 2)
        start += tiles.size
    return packed


def empty_aligned(floats: int) -> F32:
    """Return uninitialised floats that start at a cache line."""
    room = np.empty(floats + LANES, np.float32)
    start = -room.ctypes.data % (4 * LANES) // 4
    return room[start : start + floats]


def pack_sparse(coords: F32, vectors: int) -> tuple[I32, I32, F32]:
    """Compressed rows of all coordinates: (indptr, index, values).

    Parameters
    ----------
    coords : array of float32, shape (K, O, C)
        Row ``k * O + o`` is output channel o of coordinate k.
    vectors : int
        Tile vectors of a block: indices are floats, ``channel * vectors * 16``.
    """
    rows = coords.reshape(-1, coords.shape[2])
    kept = rows != 0
    indptr = np.zeros(len(rows) + 1, dtype=np.int32)
    np.cumsum(kept.sum(axis=1), out=indptr[1:])
    index = np.nonzero(kept)[1] * (vectors * 16)
    return indptr, index.astype(np.int32), np.ascontiguousarray(rows[kept])
