"""Dense convolutions with output channels as lanes: shapes at the edges of a tile."""

import numpy as np
import pytest

from tests.kernels.cases import ISAS, SHAPE, TOLERANCE, build
from workbench.kernels import conv_dense, forced_isa, variants_conv_dense
from workbench.kernels.values.types import Activation, Vectors
from workbench.kernels.variants.lanes import (
    MOST_PIXELS,
    likely_better,
    may_pay,
    pixels_of,
)

EDGES = [
    # channels, height, width: one pixel; less and more than a tile of either
    (8, 1, 1),
    (16, 2, 2),
    (31, 3, 4),
    (32, 4, 4),
    (33, 5, 5),
    (65, 7, 7),
]


# The NumPy specification has no variants: its one form is tested with the others.
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(("outputs", "height", "width"), EDGES)
@pytest.mark.parametrize("threads", [1, 2])
def test_lanes_equal_float64(isa, outputs, height, width, threads) -> None:
    shape = SHAPE | {"outputs": outputs, "height": height, "width": width}
    shape |= {"threads": threads, "density": 1.0, "residual": outputs % 2 == 1}
    shape |= {"source": "planes", "act": Activation("silu")}
    case = build(outputs, shape)
    with forced_isa(isa):
        assert "lanes" in variants_conv_dense(case.dense()["weights"], case.table)
        step = conv_dense(
            **case.dense(),
            bias=case.bias,
            place=case.place,
            variant="lanes",
        )
    assert step.kernel.startswith("wb_f32_conv_lanes")
    assert step.macs == outputs * 16 * 9 * height * width
    np.testing.assert_allclose(case.run(step), case.expected(), **TOLERANCE)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("classes", [1, 2, 3, 5])
@pytest.mark.parametrize("threads", [1, 2])
def test_classes_of_filters_in_turns_equal_float64(isa, classes, threads) -> None:
    # Of 5, 8 and 9 filters a class the last tile is half full, full and nearly empty.
    outputs = classes * (5 + 3 * (classes > 1) + (classes > 3))
    shape = SHAPE | {"outputs": max(8, outputs), "height": 4, "width": 4}
    shape |= {"threads": threads, "density": 1.0, "residual": classes == 3}
    case = build(classes, shape)
    arrays = case.shared(np.random.default_rng(classes), classes)
    with forced_isa(isa):
        names = variants_conv_dense(arrays["weights"], case.table)
        assert len(names) > 1
        for variant in names:
            step = conv_dense(
                **arrays, bias=case.bias, place=case.place, variant=variant
            )
            np.testing.assert_allclose(case.run(step), case.expected(), **TOLERANCE)


def test_lanes_are_offered_for_few_pixels_and_enough_channels() -> None:
    full = np.full((MOST_PIXELS // 16 + 1, 1), 0xFFFF, np.uint16)
    starts = np.arange(len(full), dtype=np.int64) * 16
    large = Vectors(starts, starts[:, None], full)
    small = Vectors(starts[:1], starts[:1, None], np.array([[15]], np.uint16))
    weights = np.ones((1, 64, 9), np.float32)
    assert may_pay(weights, small)
    assert not may_pay(weights, large)
    assert may_pay(np.ones((2, 32, 9), np.float32), small)
    assert not may_pay(np.ones((32, 2, 9), np.float32), small)
    # Four of sixteen lanes hold pixels; 64 channels fill two blocks of 32.
    assert likely_better(weights, small, "avx512")
    assert not likely_better(np.ones((1, 8, 9), np.float32), small, "avx512")


def test_pixels_follow_every_segment() -> None:
    # Lanes 0..1 go to 100.., lanes 2..3 to 202..: vec_out counts from lane 0.
    table = Vectors(
        np.array([7]), np.array([[100, 200]]), np.array([[0b0011, 0b1100]], np.uint16)
    )
    found = pixels_of(table)
    assert found.reads.tolist() == [7, 8, 9, 10]
    assert found.writes.tolist() == [100, 101, 202, 203]
