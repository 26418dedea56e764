"""Sparse convolutions over gathered lines: edges of a line, of a chunk, of a run."""

from dataclasses import replace

import numpy as np
import pytest

from tests.kernels.cases import ISAS, SHAPE, TOLERANCE, build, sparse_arrays
from workbench.kernels import Executor, conv_sparse, forced_isa, variants_conv_sparse
from workbench.kernels.values.types import Activation, Vectors
from workbench.kernels.variants.gathered import gathering_of, may_pay

EDGES = [
    # inputs, height, width: one pixel; a line not full, full, two lines; many chunks
    (5, 1, 1),
    (70, 2, 2),
    (16, 3, 5),
    (130, 4, 4),
    (9, 1, 17),
    (70, 5, 5),
    (3, 4, 8),
]


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(("inputs", "height", "width"), EDGES)
@pytest.mark.parametrize("threads", [1, 3])
def test_gathered_equals_float64(isa, inputs, height, width, threads) -> None:
    odd = inputs % 2 == 1
    shape = SHAPE | {"inputs": inputs, "outputs": 20 + inputs, "threads": threads}
    shape |= {"height": height, "width": width, "density": 0.3, "residual": odd}
    shape |= {"source": "planes", "target": "rows" if odd else "planes", "border": 1}
    case = build(inputs, shape | {"act": Activation("silu" if odd else "relu")})
    arrays = sparse_arrays(case)
    src = case.source.geometry.base
    with forced_isa(isa):
        names = variants_conv_sparse(arrays["offsets"], case.table, src)
        assert names[0] == "gathered"
        step = conv_sparse(**arrays, place=case.place, variant="gathered")
    assert step.kernel.startswith("wb_f32_conv_gathered")
    assert step.macs == arrays["values"].size * height * width
    np.testing.assert_allclose(case.run(step), case.expected(), **TOLERANCE)


@pytest.mark.parametrize("isa", ISAS)
def test_rows_without_weights_are_bias(isa) -> None:
    shape = SHAPE | {"inputs": 80, "outputs": 12, "height": 4, "width": 4}
    case = build(3, shape | {"density": 0.5, "source": "planes"})
    case.weights[2:7] = 0
    with forced_isa(isa):
        arrays = sparse_arrays(case)
        step = conv_sparse(**arrays, place=case.place, variant="gathered")
    np.testing.assert_allclose(case.run(step), case.expected(), **TOLERANCE)


@pytest.mark.parametrize("isa", ISAS)
def test_sums_may_replace_their_residual(isa) -> None:
    shape = SHAPE | {"inputs": 20, "outputs": 16, "height": 2, "width": 2}
    case = build(4, shape | {"density": 0.5, "source": "planes", "residual": True})
    place = replace(case.place, residual=case.place.dst)
    with forced_isa(isa):
        step = conv_sparse(**sparse_arrays(case), place=place, variant="gathered")
    with Executor([step], arena_floats=case.floats) as ex:
        ex.arena[:] = 0
        ex.arena[case.source.geometry.addresses()] = case.image
        places = case.target.geometry.addresses()
        ex.arena[places] = case.added
        ex.run_step(0)
        np.testing.assert_allclose(ex.arena[places], case.expected(), **TOLERANCE)


def test_lines_are_offered_where_they_are_fewer_or_better_aligned() -> None:
    def table(masks: list[int]) -> Vectors:
        starts = np.arange(len(masks), dtype=np.int64) * 16
        return Vectors(starts, starts[:, None], np.array(masks, np.uint16)[:, None])

    whole, beside = np.array([0, 16], np.int32), np.array([0, 1], np.int32)
    assert may_pay(beside, table([0xFFFF]))
    assert not may_pay(whole, table([0xFFFF]))
    assert may_pay(whole, table([0xFF, 0xFF]))
    assert not may_pay(whole, table([0xFFFF, 1]))
    assert may_pay(beside, table([0xFFFF, 0xFFFF]))
    assert not may_pay(beside, table([0xFFFF, 0xFFFF, 1]))
    assert not may_pay(whole[:0], table([0xFFFF]))


def test_pieces_follow_rows_of_the_image() -> None:
    # Two rows of 3 pixels in one vector, 5 floats apart; stored without a gap.
    table = Vectors(
        np.array([100]),
        np.array([[40, 38]]),
        np.array([[0b00000111, 0b11100000]], np.uint16),
    )
    found = gathering_of(np.array([9, 2, 9], np.int32), table)
    assert (found.pixels, found.vectors.count) == (6, 1)
    assert found.line_offset.tolist() == [2, 9]
    assert found.index.tolist() == [16, 0, 16]
    assert found.reads.at.tolist() == [100, 101, 105, 106]
    assert found.reads.lane.tolist() == [0, 1, 3, 4]
    assert found.reads.width.tolist() == [2, 2, 2, 2]
    assert found.writes.at.tolist() == [40, 42]
    assert found.writes.lane.tolist() == [0, 2]
    assert found.writes.width.tolist() == [4, 4]
