"""Every kernel that may run a convolution, in every variant, against float64.

Drawn convolutions are what `drawing` says; those worked out here were wrong once: taps
one vector away in the same image row, images narrower than a kernel, outputs narrower
than rows, two rows to a vector. 100,000 were tried with the tool random_convolutions.
"""

import os
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from tests.kernels.cases import ISAS
from tests.kernels.drawing import LAYER, Shape, draw
from tests.kernels.random_convolutions import describe, make, try_all
from workbench.kernels import forced_isa

SEED = 20261201
COUNT = 400 if os.environ.get("CI") else 40


def tried(shape: Shape, seed: int = 1) -> Counter[str]:
    """Run every kernel of a shape; all must be right."""
    rng = np.random.default_rng(seed)
    ran: Counter[str] = Counter()
    wrong = try_all(make(rng, shape), rng, ran)
    assert wrong == [], describe(shape)
    return ran


@pytest.mark.parametrize("isa", ISAS)
def test_random_convolutions_equal_float64(isa: str) -> None:
    ran: Counter[str] = Counter()
    with forced_isa(isa):
        for number in range(COUNT):
            ran += tried(draw(np.random.default_rng((SEED, number))), number)
    expected = {"sparse", "dense", "depthwise", "shared", "winograd-f2"}
    assert expected <= ran.keys()
    assert ran.total() > 8 * COUNT


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("structure", ["dense", "element"])
@pytest.mark.parametrize(
    ("kernel", "dilation", "size"),
    [
        ((7, 7), (1, 3), (20, 31)),
        ((1, 17), (1, 1), (8, 31)),
        ((3, 9), (1, 2), (20, 31)),
        ((1, 3), (1, 7), (14, 28)),
        ((1, 2), (1, 14), (5, 28)),
        ((2, 2), (3, 13), (7, 25)),
        ((1, 2), (1, 14), (3, 39)),
        ((7, 3), (2, 3), (13, 7)),
        ((1, 3), (1, 3), (1, 8)),
        ((1, 31), (1, 1), (4, 31)),
    ],
)
def test_taps_far_along_a_row(isa, structure, kernel, dilation, size) -> None:
    spans = [dilation[axis] * (kernel[axis] - 1) for axis in (0, 1)]
    half = spans[0] // 2, spans[1] // 2
    shape = replace(
        LAYER,
        kernel=kernel,
        dilation=dilation,
        height=size[0],
        width=size[1],
        structure=structure,
    )
    with forced_isa(isa):
        for padding in ((0, 0, 0, 0), (*half, spans[0] - half[0], spans[1] - half[1])):
            assert tried(replace(shape, padding=padding))["sparse"] > 0


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("padding", [(0, 0, 0, 0), (1, 2, 1, 2)])
def test_few_rows_at_stride_two(isa: str, padding) -> None:
    # One vector holds two rows of 6 floats: a tap one row below is two lanes away.
    shape = replace(LAYER, kernel=(3, 5), stride=(2, 2), padding=padding)
    with forced_isa(isa):
        for seed, size in enumerate(((3, 12), (3, 8), (4, 6), (3, 13), (5, 12))):
            tried(replace(shape, height=size[0], width=size[1]), seed)


@pytest.mark.parametrize("isa", ISAS)
def test_outputs_narrower_than_rows(isa: str) -> None:
    # Pixels that no output has lie where zeros were taken for granted.
    with forced_isa(isa):
        for padding in ((0, 1, 0, 0), (0, 0, 0, 1), (0, 2, 0, 0)):
            shape = replace(LAYER, padding=padding, height=4)
            for width in (8, 15, 16):
                tried(replace(shape, kernel=(3, 4), width=width), 2)
                tried(replace(shape, kernel=(2, 2), dilation=(1, 4), width=width), 2)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("stride", [(1, 2), (3, 2), (2, 1), (2, 2), (2, 4), (1, 4)])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 3)])
def test_depthwise_strides_that_differ(isa, stride, dilation) -> None:
    """With zeros in its filters every sparse kernel may run it, too."""
    shape = replace(
        LAYER,
        inputs=6,
        outputs=6,
        groups=6,
        stride=stride,
        dilation=dilation,
        padding=(*dilation, *dilation),
        height=9,
    )
    with forced_isa(isa):
        ran = tried(shape)
    assert ran["depthwise"] > 0
    assert ran["sparse"] > 0


@pytest.mark.parametrize("isa", ISAS)
def test_nothing_is_read_without_weights(isa: str) -> None:
    # Output rows far outside of the image: their vectors lie beyond the source.
    shape = replace(LAYER, kernel=(3, 1), dilation=(3, 1), padding=(8, 0, 8, 0))
    with forced_isa(isa):
        tried(replace(shape, height=1, width=4, structure="empty"))
        tried(replace(shape, padding=(9, 6, 9, 6), height=2, structure="empty"))
