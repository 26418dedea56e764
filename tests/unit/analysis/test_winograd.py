"""Operation counts by hand, errors over tile sizes, fill-in of pruned kernels."""

from fractions import Fraction

import numpy as np
import pytest

from workbench.analysis.algorithms.winograd import (
    error_by_tile,
    fill_in,
    op_counts,
    random_weight,
    rank_points,
)
from workbench.engine.winograd.cook_toom import cook_toom, transform_weights
from workbench.errors import WorkbenchError


def test_counts_of_the_paper() -> None:
    # Lavin and Gray, section 4.1: F(2x2, 3x3) has 16 multiplies for 36, 32 additions
    # of the data transform and 24 of the inverse.
    counts = op_counts(cook_toom(2, 3))
    assert (counts.multiplies, counts.direct_multiplies) == (16, 36)
    assert (counts.input_ops, counts.output_ops) == (32, 24)
    assert counts.weight_ratio == pytest.approx(16 / 9)


@pytest.mark.parametrize(
    ("m", "dims", "saving"),
    [(2, 1, 1.5), (4, 1, 2.0), (4, 2, 4.0), (6, 2, 5.0625), (2, 3, 3.375)],
)
def test_saving_without_transforms(m: int, dims: int, saving: float) -> None:
    assert op_counts(cook_toom(m, 3), dims=dims).saving == pytest.approx(saving)


def test_four_dimensions_are_refused() -> None:
    with pytest.raises(WorkbenchError, match="4 dimensions"):
        op_counts(cook_toom(2, 3), dims=4)


def test_error_grows_with_the_tile() -> None:
    rows = error_by_tile(random_weight(8, 32), (2, 4, 6, 8))
    errors = [row.error.rms for row in rows]
    assert [row.m for row in rows] == [2, 4, 6, 8]
    assert errors == sorted(errors)
    assert 1e-7 < errors[0] < 1e-6
    assert errors[3] > 10 * errors[0]


def test_ranking_prefers_our_points_to_one_and_two() -> None:
    candidates = [Fraction(5, 8), Fraction(1), Fraction(3, 2), Fraction(2)]
    rows = rank_points(4, candidates, weight=random_weight(8, 32))
    order = [row.points[1::2] for row in rows]
    assert len(rows) == 6
    assert order.index((Fraction(5, 8), Fraction(3, 2))) < order.index((1, 2))


def test_kernel_pruning_survives_and_element_pruning_does_not() -> None:
    transform = cook_toom(4, 3)
    whole = random_weight(6, 10)
    whole[:, ::2] = 0
    kernels = fill_in(whole, transform)
    assert kernels.winograd_sparsity == kernels.spatial_sparsity == 0.5

    keep = np.random.default_rng(0).random((6, 10, 3, 3)) < 0.2
    elements = fill_in(random_weight(6, 10) * keep, transform)
    assert elements.spatial_sparsity == pytest.approx(1 - keep.mean())
    assert elements.winograd_sparsity < 0.5 * elements.spatial_sparsity
    # The corner (0, 0) sees tap (0, 0) only, and keeps exactly its zeros.
    assert elements.by_coordinate[0, 0] == pytest.approx(1 - keep[:, :, 0, 0].mean())
    assert elements.multiplies == pytest.approx(
        (1 - elements.winograd_sparsity) * 36 / (keep.mean() * 9 * 16)
    )


def test_fill_in_is_what_the_transform_gives() -> None:
    keep = np.random.default_rng(1).random((5, 7, 3, 3)) < 0.15
    weight = (random_weight(5, 7) * keep).astype(np.float32)
    transform = cook_toom(2, 3)
    coords = transform_weights(weight, transform)
    assert fill_in(weight, transform).winograd_sparsity == pytest.approx(
        float((coords == 0).mean())
    )


def test_no_weights_need_no_multiplies() -> None:
    nothing = fill_in(np.zeros((2, 2, 3, 3), np.float32), cook_toom(4, 3))
    assert nothing.winograd_sparsity == 1.0
    assert nothing.multiplies == 0.0
