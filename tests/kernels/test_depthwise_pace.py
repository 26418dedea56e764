"""Depthwise convolution of stride 2 over an image that is not split into phases."""

import numpy as np
import pytest

from tests.kernels.cases import EVERY, TOLERANCE, up
from tests.kernels.float64 import convolve
from tests.kernels.layouts import GUARD, put, room, taps
from workbench.kernels import (
    LANES,
    Activation,
    Executor,
    KernelError,
    Placement,
    Vectors,
    conv_sparse,
    depthwise,
    forced_isa,
)
from workbench.kernels.variants.chains import depthwise_grid

CHANNELS = 5


def paced(source, target) -> Vectors:
    """Return vectors of up to 16 outputs of a row, two pixels from lane to lane."""
    starts, outs, masks = [], [], []
    for y in range(target.height):
        for x in range(0, target.width, LANES):
            starts.append(source.address(0, 2 * y, 2 * x) - source.base)
            outs.append([target.address(0, y, x) - target.base])
            masks.append([(1 << min(LANES, target.width - x)) - 1])
    return Vectors(
        np.array(starts, np.int64),
        np.array(outs, np.int64),
        np.array(masks, np.uint16),
        pace=2,
    )


def place(kind: str, height: int, width: int, kernel: int):
    """Return source, target, table, offsets and the size of the arena."""
    source = room(kind, (CHANNELS, height, width), border=kernel // 2)
    size = (CHANNELS, (height + 1) // 2, (width + 1) // 2)
    target = room("planes", size, border=1).moved(up(source.stop))
    table = paced(source.geometry, target.geometry)
    offsets = taps(source.geometry, kernel, padding=kernel // 2)[0].reshape(-1)
    return source, target, table, offsets.astype(np.int32), up(target.stop) + GUARD


@pytest.mark.parametrize("isa", EVERY)
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("kind", ["planes", "aligned", "rows"])
@pytest.mark.parametrize("size", [(1, 2), (7, 7), (9, 33), (12, 70)])
def test_equals_float64(isa: str, kernel: int, kind: str, size) -> None:
    rng = np.random.default_rng(3)
    source, target, table, offsets, floats = place(kind, *size, kernel)
    image = rng.standard_normal((CHANNELS, *size), dtype=np.float32)
    weights = rng.standard_normal((CHANNELS, kernel**2), dtype=np.float32)
    bias = rng.standard_normal(CHANNELS, dtype=np.float32)
    with forced_isa(isa):
        step = depthwise(
            weights=weights,
            offsets=offsets,
            in_cs=source.geometry.channel_stride,
            bias=bias,
            place=Placement(
                vectors=table,
                src=source.geometry.base,
                dst=target.geometry.base,
                out_cs=target.geometry.channel_stride,
                act=Activation("relu"),
                arena_floats=floats,
            ),
        )
        with Executor([step], arena_floats=floats) as executor:
            executor.arena[:] = np.nan
            put(executor.arena, source, image)
            executor.run_step(0)
            result = executor.arena[target.geometry.addresses()]
            before = np.isnan(executor.arena).sum()
    side = kernel // 2
    sums = convolve(
        np.pad(image, ((0, 0), (side, side), (side, side))),
        weights.reshape(CHANNELS, 1, kernel, kernel),
        bias,
        (2, 2),
        groups=CHANNELS,
    )
    np.testing.assert_allclose(result, np.maximum(sums, 0), **TOLERANCE)
    assert before >= GUARD


def test_rows_of_vectors_share_loads_only_when_taps_are_neighbours() -> None:
    # Five rows of 70 pixels: filter rows 0 and 2 of neighbouring outputs meet.
    source, _, table, offsets, _ = place("aligned", 12, 70, 3)
    grid = depthwise_grid(offsets, table)
    assert (grid.step, grid.columns) == (2, 3)
    assert grid.row_stride == 2 * source.geometry.row_stride
    assert depthwise_grid(2 * offsets, table).step == 0


def test_other_kernels_refuse_a_pace() -> None:
    source, target, table, offsets, floats = place("aligned", 7, 7, 3)
    with pytest.raises(KernelError, match="pace of 2"):
        conv_sparse(
            indptr=np.array([0, 9], np.int32),
            offsets=offsets,
            values=np.ones(9, np.float32),
            bias=np.zeros(1, np.float32),
            place=Placement(
                vectors=table,
                src=source.geometry.base,
                dst=target.geometry.base,
                out_cs=target.geometry.channel_stride,
                act=Activation(),
                arena_floats=floats,
            ),
        )


@pytest.mark.parametrize("isa", EVERY)
@pytest.mark.parametrize(("apart", "grid"), [(1, 1), (2, 2)])
def test_taps_of_a_row_may_lie_apart(isa: str, apart: int, grid: int) -> None:
    """Dilation along x alone: only neighbours come out of one load."""
    rows, pitch = 4, 48
    starts = np.arange(rows, dtype=np.int64) * pitch
    table = Vectors(starts, starts[:, None], np.full((rows, 1), 0xFFFF, np.uint16))
    places = [pitch * y + apart * x for y in range(3) for x in range(3)]
    offsets = np.array(places, np.int32)
    assert depthwise_grid(offsets, table).step == grid
    image_floats = up(pitch * (rows + 2) + GUARD)
    rng = np.random.default_rng(5)
    weights = rng.standard_normal((1, 9), dtype=np.float32)
    with forced_isa(isa):
        step = depthwise(
            weights=weights,
            offsets=offsets,
            in_cs=0,
            bias=np.zeros(1, np.float32),
            place=Placement(
                vectors=table,
                src=0,
                dst=image_floats,
                out_cs=0,
                act=Activation(),
                arena_floats=2 * image_floats,
            ),
        )
        with Executor([step], arena_floats=2 * image_floats) as executor:
            image = rng.standard_normal(image_floats, dtype=np.float32)
            executor.arena[:image_floats] = image
            executor.run_step(0)
            found = executor.arena[image_floats:].copy()
    for start in starts:
        taken = [image[start + o : start + o + LANES] for o in offsets]
        wanted = weights[0].astype(np.float64) @ np.stack(taken)
        np.testing.assert_allclose(found[start : start + LANES], wanted, **TOLERANCE)
