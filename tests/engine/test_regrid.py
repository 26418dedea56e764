"""Aligned vectors compute the same pixels, each once."""

import numpy as np
import pytest

from workbench.engine.layout.aligned_vectors import on_one_grid
from workbench.engine.layout.layout import Pad, make_layout
from workbench.engine.layout.vectors import Walk, make_vectors
from workbench.kernels import Vectors


def pixels(table: Vectors) -> set[tuple[int, int]]:
    """Return (read, written) of every lane that is stored."""
    found = [
        (int(table.vec_in[v]) + lane, int(table.vec_out[v, s]) + lane)
        for v in range(table.count)
        for s in range(table.vec_out.shape[1])
        for lane in range(16)
        if table.vec_mask[v, s] >> lane & 1
    ]
    assert len(found) == len(set(found))
    return set(found)


@pytest.mark.parametrize("target", ["planes", "rows", "strips"])
@pytest.mark.parametrize("size", [5, 13, 28, 56])
def test_planes_are_cut_on_one_grid(size: int, target: str) -> None:
    source = make_layout("planes", (4, size, size), Pad(1, 1))
    written = make_layout(
        target, (4, size, size), Pad() if target == "strips" else Pad(1, 1)
    )
    table = make_vectors(source, written, Walk(size, size))
    for src in (0, 7, 64):
        cut = on_one_grid(table, src)
        assert pixels(cut) == pixels(table)
        starts = set(((src + cut.vec_in) % 16).tolist())
        assert cut is table or starts == {0}


def test_equal_planes_need_no_more_than_five_percent_more_vectors() -> None:
    plane = make_layout("planes", (4, 56, 56), Pad(1, 1))
    table = make_vectors(plane, plane, Walk(56, 56))
    cut = on_one_grid(table, plane.origin)
    assert len(set(((plane.origin + cut.vec_in) % 16).tolist())) == 1
    assert cut.count <= table.count * 1.05 + 1


def test_tables_on_a_grid_and_unzipped_ones_stay() -> None:
    rows = make_layout("rows", (4, 14, 14), Pad(1, 1))
    table = make_vectors(rows, rows, Walk(14, 14))
    assert on_one_grid(table, 0) is table
    loose = Vectors(
        np.array([0, 17]),
        np.zeros((2, 2), np.int64),
        np.zeros((2, 2), np.uint16),
        unzip=True,
    )
    assert on_one_grid(loose, 0) is loose
