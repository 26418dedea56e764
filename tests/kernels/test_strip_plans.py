"""Which packings a sparse convolution is offered, worked out by hand."""

import numpy as np
import pytest

from workbench.kernels import Vectors
from workbench.kernels.strips import sparse_plans

TAPS = np.array([-1, 0, 1], dtype=np.int32)


def table(mask: int, *, rows: int, unzip: bool = False) -> Vectors:
    """Two vectors, each of one segment at its own place, with equal masks."""
    starts = np.arange(2, dtype=np.int64) * 16
    masks = np.full((2, 1), mask, dtype=np.uint16)
    return Vectors(starts, starts[:, None], masks, rows, unzip=unzip)


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
