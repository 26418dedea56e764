"""Kernels that move lanes hold the right pixels, on machines that are not at hand too.

`lane_moves` follows what random and chosen convolutions would be packed to for AVX-512,
AVX2 and scalar registers, and what AVX-512 code would shift within image rows.
"""

import os
from dataclasses import replace

import numpy as np
import pytest

from tests.kernels.drawing import LAYER, draw
from tests.kernels.lane_moves import faults
from tests.kernels.random_convolutions import make

SEED = 20261202
COUNT = 1000 if os.environ.get("CI") else 100


@pytest.mark.parametrize("isa", ["scalar", "avx2", "avx512"])
def test_random_convolutions(isa: str) -> None:
    total = 0
    for number in range(COUNT):
        rng = np.random.default_rng((SEED, number))
        followed, wrong = faults(make(rng, draw(rng)), isa)
        assert wrong == [], number
        total += followed
    assert total > COUNT // 10


@pytest.mark.parametrize("apart", [(0, 0), (1, 5)])
@pytest.mark.parametrize(
    ("kernel", "dilation", "size"),
    [
        ((7, 7), (1, 3), (64, 31)),
        ((1, 17), (1, 1), (8, 31)),
        ((3, 9), (1, 2), (20, 31)),
        ((1, 3), (1, 7), (14, 28)),
        ((1, 2), (1, 14), (5, 28)),
        ((1, 2), (1, 18), (5, 31)),
    ],
)
def test_taps_far_along_a_row(kernel, dilation, size, apart) -> None:
    shape = replace(
        LAYER, kernel=kernel, dilation=dilation, padding=(0,) * 4, apart=apart
    )
    shape = replace(shape, height=size[0], width=size[1], structure="dense")
    layer = make(np.random.default_rng(1), shape)
    for isa in ("scalar", "avx2", "avx512"):
        assert faults(layer, isa)[1] == []


@pytest.mark.parametrize("width", [7, 14, 15, 28, 29])
def test_near_taps_are_shifted_as_before(width: int) -> None:
    # 14 x 14 and 28 x 28 with a kernel of 3: what shifting was made for.
    shape = replace(LAYER, height=width, width=width, structure="dense")
    layer = make(np.random.default_rng(1), shape)
    followed, wrong = faults(layer, "avx512")
    assert wrong == []
    assert followed == {7: 4, 14: 7, 15: 7, 28: 2, 29: 5}[width]
