"""Which packings a sparse convolution is offered, worked out by hand."""

import numpy as np
import pytest

from workbench.kernels import ImageRows, Vectors
from workbench.kernels.variants.strips import sparse_plans

TAPS = np.array([-1, 0, 1], dtype=np.int32)


def table(
    mask: int,
    *,
    rows: int,
    unzip: bool = False,
    beside: ImageRows | None = None,
    apart: int = 16,
) -> Vectors:
    """Two vectors, each of one segment at its own place, with equal masks.

    They are image rows of 13 pixels, or pairs of rows of 7, with taps one pixel away.
    """
    starts = np.arange(2, dtype=np.int64) * apart
    masks = np.full((2, 1), mask, dtype=np.uint16)
    beside = beside or (ImageRows(16, 13, -1, 1) if rows else ImageRows(8, 7, -1, 1))
    return Vectors(starts, starts[:, None], masks, rows, unzip=unzip, rows=beside)


@pytest.mark.parametrize(
    ("mask", "rows", "shifts"),
    [
        (0x3FFF, 1, {"shift2"}),  # 14 pixels and 2 pads a row of 16
        (0x7FFF, 1, {"shift2"}),  # one pad is enough for taps one pixel away
        (0xFFFF, 1, set()),  # no pad: the last lane would be lost
        (0x7F7F, 0, {"shift2"}),  # 7 pixels and a pad twice: rows of 8
        (0xFF7F, 0, set()),  # the second row of 8 has no pad
        (0x7FFF, 0, set()),  # rows unknown, and not rows of 8
    ],
)
def test_sums_are_shifted_only_where_rows_end_in_a_pad(mask, rows, shifts) -> None:
    plans = sparse_plans("avx512", TAPS, table(mask, rows=rows), 0)
    assert {name for name in plans if name.startswith("shift")} == shifts


def test_unzipped_masks_are_read_in_pixel_order() -> None:
    # Lanes 7 and 15 are pads: after unzip they are lanes 8 + 3 = 11 and 15.
    plans = sparse_plans("avx2", TAPS, table(0x77FF, rows=0, unzip=True), 0)
    assert "shift2" in plans
    plans = sparse_plans("avx2", TAPS, table(0x7F7F, rows=0, unzip=True), 0)
    assert not [name for name in plans if name.startswith("shift")]


def test_rows_of_eight_run_on_avx2_registers() -> None:
    plan = sparse_plans("avx512", TAPS, table(0x7F7F, rows=0), 0)["shift2"]
    assert (plan.isa, plan.unit, plan.classes, plan.first_dx) == ("avx2", 8, 3, -1)


def test_unaligned_sources_and_far_taps_are_not_shifted() -> None:
    rows = table(0x7FFF, rows=1)
    for offsets, src in ((TAPS, 4), (TAPS * 4, 0), (TAPS * 0, 0)):
        plans = sparse_plans("avx512", offsets, rows, src)
        assert not [name for name in plans if name.startswith("shift")]


def test_offsets_in_whole_lines_are_packed_short() -> None:
    rows = table(0xFFFF, rows=0)
    assert sparse_plans("avx512", TAPS * 16, rows, 0)["strip4"].unit == 16
    assert sparse_plans("avx512", TAPS, rows, 0)["strip4"].unit == 1


def shifts(offsets: list[int], vectors: Vectors, isa: str = "avx512") -> set[str]:
    plans = sparse_plans(isa, np.array(offsets, dtype=np.int32), vectors, 0)
    return {name for name in plans if name.startswith("shift")}


@pytest.mark.parametrize("isa", ["scalar", "avx2", "avx512"])
@pytest.mark.parametrize(
    ("offsets", "left", "right"),
    [
        ([-7, 0, 7], -7, 7),  # -1 and +1 of the neighbouring eight
        ([-15, 0, 15], -15, 15),  # +1 of the vector before, -1 of the one after
        ([0, 14], 0, 14),  # -2 of the vector after: its first lanes are pixels
        ([-17, 0], -17, 0),  # -1 of the vector before: its last lanes are pixels
    ],
)
def test_taps_beyond_a_vector_are_not_shifted(isa, offsets, left, right) -> None:
    # Equal places within a vector as taps one or two pixels away have.
    for pitch, mask, rows in ((16, 0x1FFF, 1), (8, 0x1F1F, 0)):
        near = table(mask, rows=rows, beside=ImageRows(pitch, 5, -3, 3))
        assert shifts([-3, 0, 3], near, isa)
        far = table(mask, rows=rows, beside=ImageRows(pitch, 5, left, right))
        assert shifts(offsets, far, isa) == set()


def test_nothing_is_shifted_where_rows_are_unknown() -> None:
    vectors = table(0x3FFF, rows=1)
    unknown = Vectors(vectors.vec_in, vectors.vec_out, vectors.vec_mask, 1)
    assert shifts([-1, 0, 1], vectors) == {"shift2"}
    assert shifts([-1, 0, 1], unknown) == set()


@pytest.mark.parametrize(("width", "found"), [(13, {"shift2"}), (15, {"shift2"})])
def test_rows_apart_end_in_zeros(width, found) -> None:
    # What enters a row comes from the last lanes of the row before.
    beside = ImageRows(16, width, -1, 1)
    assert shifts([-1, 0, 1], table(0x1FFF, rows=1, beside=beside, apart=48)) == found


def test_pixels_that_no_output_has_do_not_enter_the_next_row() -> None:
    # 16 pixels, 13 outputs: pixel 15 would enter the next row for a tap at -1.
    beside = ImageRows(32, 16, -1, 3)
    assert shifts([-1, 3], table(0x1FFF, rows=1, beside=beside, apart=64)) == set()
    # Nothing enters for taps that do not look to the left.
    beside = ImageRows(32, 16, 0, 3)
    assert shifts([0, 3], table(0x1FFF, rows=1, beside=beside, apart=64))


def test_halves_are_shifted_only_in_rows_of_eight() -> None:
    # Planes of rows of 9 floats: lanes that are not stored are no zeros.
    beside = ImageRows(9, 8, -1, 1)
    assert shifts([-1, 1], table(0x7F7F, rows=0, beside=beside)) == set()
