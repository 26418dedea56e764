"""Factory of the fused Winograd convolution F(m, 3), m = 2, 4, 6; dense or sparse.

Belongs here: the public, documented, checking face and the default block size. Does
not belong here: matrices and tile tables (engine) or arithmetic (ext/, reference/).
"""

from collections.abc import Sequence

import numpy as np

from workbench.kernels.backend import make_step
from workbench.kernels.reference.winograd import winograd
from workbench.kernels.steps.placing import check_variant
from workbench.kernels.values import checks
from workbench.kernels.values.types import F32, LANES, Activation, Step
from workbench.kernels.values.winograd_spec import (
    ROWS,
    WinogradBlock,
    WinogradConv,
    WinogradTaps,
    WinogradTiles,
    WinogradWeights,
)

SIZES = (2, 4, 6)

READY_BYTES = 3 << 20
"""Weights that may wait in the Winograd domain: more would come from main memory, which
takes longer than to transform them, and more than the memory the network needs."""

_TAPS_SIZES = ((4, 16), (2, 16), (4, 32), (1, 16))
_DENSE_SIZES = ((2, 64), (1, 64), (4, 64))
_SPARSE_SIZES = ((4, 64), (2, 64), (8, 32))

_TILES_FIX = "Make the tables with workbench.engine.winograd.tables."
_WEIGHTS_FIX = (
    "Make the weights with workbench.engine.winograd.cook_toom.transform_weights."
)


def conv_winograd(
    *,
    weights: WinogradWeights | WinogradTaps,
    bias: F32,
    tiles: WinogradTiles,
    src: int,
    in_cs: int,
    dst: int,
    out_cs: int,
    act: Activation,
    residual: int | None = None,
    rectify: bool = False,
    variant: str | None = None,
    arena_floats: int,
) -> Step:
    """Return a step that convolves 3x3, stride 1, through the Winograd domain.

    Per tile: ``out = act(AT (sum_c coords[., o, c] * (BT d_c BT^T)) AT^T + bias +
    residual)``. Zeros outside of the image come from masks, not from a border.

    Parameters
    ----------
    weights : WinogradWeights or WinogradTaps
        O output and C input channels.
    bias : array of float32, shape (O,)
    tiles : WinogradTiles
        Where each tile vector reads and writes.
    src, dst, residual : int
        Arena offsets, in floats, of the source, destination and added tensors. The
        residual has the layout of the destination and may be the destination.
    in_cs, out_cs : int
        Floats between two channels of the source and of the destination.
    act : Activation
    rectify : bool
        ReLU on the transformed input, ``BT d_c BT^T``: not a convolution any more,
        but what networks trained for sparse activations there compute.
    variant : str, optional
        A name out of ``variants_conv_winograd``; None takes the first.
    arena_floats : int
        Size of the arena that the step will run in.

    Raises
    ------
    KernelError
        When a type, shape or bound does not hold.
    """
    outputs, channels = _checked_weights(weights, tiles.m)
    _checked_tiles(tiles)
    checks.array("bias", bias, np.float32, 1)
    checks.activation(act)
    checks.require(
        bias.size == outputs,
        f"bias of {bias.size} values",
        f"{outputs}, one an output channel",
        "Pass zeros where the layer has no bias.",
    )
    checks.whole("in_cs", in_cs, 0)
    checks.whole("out_cs", out_cs, 0)
    for name, start in (("src", src), ("dst", dst), ("residual", residual)):
        if start is not None:
            checks.whole(name, start, -checks.MOST_FLOATS)
    chosen = _block(variant, weights, tiles)
    extents = [_reads(tiles, src, (channels - 1) * in_cs)]
    span = (outputs - 1) * out_cs
    for base in (dst,) if residual is None else (dst, residual):
        extents.append(_writes(tiles, base, span))
    for name, extent in zip(
        ("the source", "the destination", "the residual"), extents, strict=False
    ):
        checks.inside_arena(name, extent, arena_floats)
    spec = WinogradConv(
        tiles,
        weights,
        bias,
        src,
        in_cs,
        dst,
        out_cs,
        act,
        residual,
        chosen,
        checks.join(extents),
        rectify,
    )
    return make_step("winograd", spec, winograd)


def variants_conv_winograd(
    weights: WinogradWeights | WinogradTaps, tiles: WinogradTiles
) -> tuple[str, ...]:
    """Return the block sizes worth timing, such as ``2x64``, the default first.

    Two tile vectors and 64 output channels: what is alive stays in the cache up to
    128 channels, and each weight fetched serves two vectors beyond. A sparse product
    loads one weight for a whole block of vectors, so it takes more of them. Taps are
    transformed for few output channels at a time, so that their coordinates stay in
    the cache until they are used, and for many vectors; where they are few they may
    also wait ``ready``.

    Parameters
    ----------
    weights : WinogradWeights or WinogradTaps
    tiles : WinogradTiles
    """
    return tuple(map(str, _blocks(weights, tiles)))


def _blocks(
    weights: WinogradWeights | WinogradTaps, tiles: WinogradTiles
) -> tuple[WinogradBlock, ...]:
    _, outputs, _ = weights.shape
    rows = -(-outputs // ROWS) * ROWS

    def sized(sizes: Sequence[tuple[int, int]], ready: bool) -> list[WinogradBlock]:
        return [
            WinogradBlock(min(vectors, tiles.vectors), min(wanted, rows), ready)
            for vectors, wanted in sizes
        ]

    if isinstance(weights, WinogradTaps):
        few = weights.products * np.dtype(np.float32).itemsize <= READY_BYTES
        found = sized(_DENSE_SIZES, True) if few else []
        found += sized(_TAPS_SIZES, False)
    else:
        found = sized(_SPARSE_SIZES if weights.sparse else _DENSE_SIZES, False)
    return tuple(dict.fromkeys(found))


def _block(
    variant: str | None,
    weights: WinogradWeights | WinogradTaps,
    tiles: WinogradTiles,
) -> WinogradBlock:
    blocks = {str(block): block for block in _blocks(weights, tiles)}
    check_variant("conv_winograd", variant, tuple(blocks))
    return blocks[variant or next(iter(blocks))]


def _checked_weights(
    weights: WinogradWeights | WinogradTaps, m: int
) -> tuple[int, int]:
    """Return (O, C), once shapes and the order of the points are right."""
    if isinstance(weights, WinogradTaps):
        checks.array("taps", weights.taps, np.float32, 4)
        checks.array("g", weights.g, np.float64, 2)
        checks.require(
            weights.taps.shape[2:] == (3, 3) and weights.g.shape == (m + 2, 3),
            f"taps {weights.taps.shape} and G {weights.g.shape}",
            f"taps (O, C, 3, 3) and G ({m + 2}, 3)",
            _WEIGHTS_FIX,
        )
        g = weights.g
        checks.require(
            not g[0, 1:].any()
            and np.array_equal(g[-1], (0, 0, 1))
            and np.array_equal(g[1:-1:2] * (1, -1, 1), g[2:-1:2]),
            "rows of G that are not of 0, pairs of opposite numbers, infinity",
            "the G that belongs to BT and AT",
            _WEIGHTS_FIX,
        )
    else:
        checks.array("coords", weights.coords, np.float32, 3)
    checks.array("bt", weights.bt, np.float32, 2)
    checks.array("at", weights.at, np.float32, 2)
    alpha = m + 2
    checks.require(
        m in SIZES
        and weights.bt.shape == (alpha, alpha)
        and weights.at.shape == (m, alpha)
        and weights.shape[0] == alpha * alpha
        and min(weights.shape) > 0,
        f"m = {m} with BT {weights.bt.shape}, AT {weights.at.shape}, "
        f"coords {weights.shape}",
        "m of 2, 4 or 6, BT (m+2, m+2), AT (m, m+2), coords ((m+2)^2, O, C)",
        _WEIGHTS_FIX,
    )
    plus, minus = weights.bt[1:-1:2], weights.bt[2:-1:2]
    mirror = np.where(np.arange(alpha) % 2, -1, 1).astype(np.float32)
    odd_full = weights.bt[0, 1::2]
    checks.require(
        bool(np.array_equal(plus * mirror, minus) and not odd_full.any()),
        "points that are not 0, pairs of opposite numbers, infinity",
        "points such as 0, 1, -1, 2, -2",
        _WEIGHTS_FIX,
    )
    return weights.shape[1], weights.shape[2]


def _checked_tiles(tiles: WinogradTiles) -> None:
    alpha, vectors = tiles.m + 2, tiles.vectors
    for name, dtype, ndim in (
        ("item_start", np.int32, 1),
        ("item_off", np.int64, 2),
        ("item_mask", np.uint16, 2),
        ("item_slot", np.int32, 1),
        ("item_halo", np.uint16, 1),
        ("out_off", np.int64, 2),
        ("out_mask", np.uint16, 2),
    ):
        checks.array(name, getattr(tiles, name), dtype, ndim)
    for name in ("item_off", "out_off"):
        places = getattr(tiles, name)
        checks.require(
            places.size > 0 and int(np.abs(places).max()) <= checks.MOST_FLOATS,
            f"{name} of {places.size} places",
            f"at least one, all within {checks.MOST_FLOATS} floats",
            _TILES_FIX,
        )
    items = tiles.item_off.shape[0]
    chunks = vectors * tiles.m**2
    checks.require(
        vectors > 0
        and 0 < tiles.count <= vectors * LANES
        and tiles.item_start[0] == 0
        and tiles.item_start[-1] == items
        and bool(np.all(np.diff(tiles.item_start) > 0))
        and tiles.item_off.shape == tiles.item_mask.shape == (items, alpha)
        and tiles.item_slot.shape == tiles.item_halo.shape == (items,)
        and tiles.out_off.shape == tiles.out_mask.shape
        and tiles.out_off.shape[0] == chunks,
        f"{vectors} tile vectors, {items} items, chunks {tiles.out_off.shape}",
        f"items ({items}, {alpha}) and chunks ({chunks}, S)",
        _TILES_FIX,
    )
    slots = tiles.item_slot
    below = np.arange(LANES) + slots[:, None] < tiles.m
    early = (tiles.item_halo[:, None] >> np.arange(LANES) & 1).astype(bool) & below
    checks.require(
        int(slots.min()) >= 0
        and int(slots.max()) <= LANES * tiles.m
        and not early.any(),
        f"item slots {slots.min()}..{slots.max()}",
        f"0..{LANES * tiles.m}, and no halo before the first tile",
        _TILES_FIX,
    )


def _reads(tiles: WinogradTiles, src: int, span: int) -> tuple[int, int]:
    """Return the arena range that full loads touch, masked lanes included."""
    first = src + int(tiles.item_off.min())
    return first, src + int(tiles.item_off.max()) + span + LANES


def _writes(tiles: WinogradTiles, base: int, span: int) -> tuple[int, int]:
    """Return the arena range that masked stores touch."""
    lane = np.arange(LANES)
    kept = (tiles.out_mask[:, :, None] >> lane & 1).astype(bool)
    where = (tiles.out_off[:, :, None] + lane)[kept]
    if where.size == 0:
        return base, base
    return base + int(where.min()), base + int(where.max()) + span + 1
