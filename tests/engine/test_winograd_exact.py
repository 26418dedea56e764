"""The Cook-Toom matrices compute correlation exactly, in rational numbers."""

from fractions import Fraction
from random import Random

import numpy as np
import pytest

from workbench.engine.winograd.cook_toom import (
    cook_toom,
    standard_points,
    to_float,
    transform_weights,
)
from workbench.engine.winograd.error import gate, measure_error
from workbench.errors import WorkbenchError

CASES = [(m, r) for m in range(1, 9) for r in range(1, 6) if m + r >= 3]


def product(matrix, vector):
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


def random_fractions(random, count):
    return [
        Fraction(random.randint(-50, 50), random.randint(1, 9)) for _ in range(count)
    ]


def columns(matrix):
    return [list(column) for column in zip(*matrix, strict=True)]


def both_axes(matrix, square):
    """``matrix square matrix^T``, exact."""
    first = columns([product(matrix, column) for column in columns(square)])
    return [product(matrix, row) for row in first]


@pytest.mark.smoke
@pytest.mark.parametrize(("m", "r"), CASES)
def test_one_dimension_equals_correlation(m, r):
    transform = cook_toom(m, r)
    random = Random(10 * m + r)
    d, g = random_fractions(random, m + r - 1), random_fractions(random, r)
    inside = [
        a * b
        for a, b in zip(product(transform.g, g), product(transform.bt, d), strict=True)
    ]
    expected = [sum(g[k] * d[i + k] for k in range(r)) for i in range(m)]
    assert product(transform.at, inside) == expected


@pytest.mark.parametrize(("m", "r"), [(2, 3), (3, 2), (4, 3), (6, 3), (2, 5), (4, 5)])
def test_two_dimensions_by_nesting(m, r):
    transform = cook_toom(m, r)
    random = Random(m)
    alpha = m + r - 1
    d = [random_fractions(random, alpha) for _ in range(alpha)]
    g = [random_fractions(random, r) for _ in range(r)]
    inside = [
        [a * b for a, b in zip(x, y, strict=True)]
        for x, y in zip(
            both_axes(transform.g, g), both_axes(transform.bt, d), strict=True
        )
    ]
    expected = [
        [
            sum(g[i][j] * d[y + i][x + j] for i in range(r) for j in range(r))
            for x in range(m)
        ]
        for y in range(m)
    ]
    assert both_axes(transform.at, inside) == expected


def test_any_points_are_exact():
    points = (Fraction(0), Fraction(-7, 3), Fraction(5), Fraction(1, 9), Fraction(2))
    transform = cook_toom(4, 3, points)
    d, g = (
        [Fraction(i * i, 3) for i in range(6)],
        [Fraction(2), Fraction(-1), Fraction(4)],
    )
    inside = [
        a * b
        for a, b in zip(product(transform.g, g), product(transform.bt, d), strict=True)
    ]
    # Worked by hand: output i is 2 d[i] - d[i+1] + 4 d[i+2] with d[i] = i^2 / 3.
    assert product(transform.at, inside) == [
        Fraction(2 * i * i - (i + 1) ** 2 + 4 * (i + 2) ** 2, 3) for i in range(4)
    ]


def test_winograds_own_matrices():
    """F(2, 3) with 0, 1, -1: the matrices of the paper, up to signs of rows."""
    transform = cook_toom(2, 3)
    at, g, bt = transform.arrays()
    assert at.tolist() == [[1, 1, 1, 0], [0, 1, -1, 1]]
    assert np.abs(g).tolist() == [[1, 0, 0], [0.5] * 3, [0.5] * 3, [0, 0, 1]]
    assert np.abs(bt).tolist() == [
        [1, 0, 1, 0],
        [0, 1, 1, 0],
        [0, 1, 1, 0],
        [0, 1, 0, 1],
    ]


@pytest.mark.parametrize("count", range(1, 15))
def test_standard_points_differ(count):
    points = standard_points(count)
    assert len(set(points)) == len(points) == count


@pytest.mark.parametrize(
    ("m", "r", "points", "found"),
    [
        (1, 1, None, "F(1, 1)"),
        (0, 3, None, "F(0, 3)"),
        (2, 3, (Fraction(0), Fraction(1)), "points 0, 1"),
        (2, 3, (Fraction(0), Fraction(1), Fraction(1)), "points 0, 1, 1"),
    ],
)
def test_impossible_requests_are_explained(m, r, points, found):
    with pytest.raises(WorkbenchError, match=r"F\(|points") as error:
        cook_toom(m, r, points)
    assert error.value.found.startswith(found)


def test_weights_transform_is_rounded_once():
    transform = cook_toom(4, 3)
    weight = np.random.default_rng(3).standard_normal((2, 3, 3, 3)).astype(np.float32)
    coords = transform_weights(weight, transform)
    g = to_float(transform.g)
    expected = g @ weight[1, 2].astype(np.float64) @ g.T
    assert coords.shape == (36, 2, 3)
    # Half a unit in the last place of float32, and a little for float64.
    np.testing.assert_allclose(coords[:, 1, 2], expected.ravel(), rtol=6e-8)


def test_weights_of_another_size_are_refused():
    with pytest.raises(WorkbenchError, match="expected \\(O, C, 3, 3\\)"):
        transform_weights(np.zeros((1, 1, 5, 5), np.float32), cook_toom(2, 3))


# Measured on these weights: 5e-7, 1.2e-6, 7e-6 of the output scale; three times that
# leaves room for other BLAS summation orders.
@pytest.mark.parametrize(("m", "limit"), [(2, 1.5e-6), (4, 4e-6), (6, 2e-5)])
def test_error_grows_with_the_tile_and_stays_small(m, limit):
    weight = np.random.default_rng(0).standard_normal((16, 64, 3, 3)) / 24
    error = measure_error(weight.astype(np.float32), cook_toom(m, 3))
    assert 0 < error.rms < limit
    assert 0 < error.largest < limit


def test_our_points_halve_the_error_of_one_and_two():
    weight = np.random.default_rng(0).standard_normal((16, 64, 3, 3)) / 24
    points = tuple(Fraction(p) for p in (0, 1, -1, 2, -2))
    ours = measure_error(weight.astype(np.float32), cook_toom(4, 3))
    usual = measure_error(weight.astype(np.float32), cook_toom(4, 3, points))
    assert ours.rms < 0.7 * usual.rms


def test_gate_accepts_f4_and_names_the_figure_when_it_refuses():
    weight = np.random.default_rng(0).standard_normal((8, 16, 3, 3)) / 12
    weight = weight.astype(np.float32)
    assert gate(weight, cook_toom(4, 3)) is None
    reason = gate(weight, cook_toom(6, 3), limit=1e-9)
    assert reason is not None
    assert reason.startswith("F(6,3) error ")
    assert reason.endswith("above the limit 1e-09")


def test_gate_refuses_weights_that_are_not_finite():
    weight = np.full((1, 1, 3, 3), np.nan, np.float32)
    assert "nan" in (gate(weight, cook_toom(2, 3)) or "")


def test_zero_weights_have_no_error():
    assert gate(np.zeros((2, 2, 3, 3), np.float32), cook_toom(6, 3)) is None
