"""AVX-512 code is right where no AVX-512 is: `avx512_code` follows its instructions."""

import os
from dataclasses import replace

import numpy as np
import pytest

from tests.kernels.drawing import LAYER, draw
from tests.kernels.random_convolutions import make
from workbench.engine.candidates import Form
from workbench.engine.candidates.conv import conv_forms, is_depthwise, is_framed
from workbench.kernels import Activation
from workbench.kernels.steps.generated import memory_refusal

pytest.importorskip("capstone")
pytest.importorskip("workbench.kernels._native")
if memory_refusal():
    pytest.skip(memory_refusal(), allow_module_level=True)
from tests.kernels.avx512_code import follow

SEED = 20261204
COUNT = 60 if os.environ.get("CI") else 12
SMALL = replace(LAYER, inputs=2, padding=(0,) * 4, structure="dense")
FORMS = (Form("planes"), Form("rows"))


@pytest.mark.parametrize(
    ("kernel", "dilation", "size"),
    [
        ((7, 7), (1, 3), (8, 31)),
        ((1, 17), (1, 1), (2, 31)),
        ((3, 9), (1, 2), (4, 31)),
        ((1, 3), (1, 7), (3, 28)),
        ((1, 2), (1, 14), (3, 28)),
    ],
)
def test_taps_far_along_a_row(kernel, dilation, size) -> None:
    shape = replace(SMALL, kernel=kernel, dilation=dilation)
    layer = make(
        np.random.default_rng(1), replace(shape, height=size[0], width=size[1])
    )
    found = [one for form in FORMS for one in follow(layer, form, form)]
    assert [name for name, _, fault in found if fault] == []
    assert not any(in_row for _, in_row, _ in found)
    assert any("-s" in name for name, _, _ in found)


@pytest.mark.parametrize("act", [Activation(), Activation("relu")])
@pytest.mark.parametrize(("width", "in_rows"), [(7, 1), (14, 2), (16, 0)])
def test_neighbours_are_shifted_within_rows(width: int, in_rows: int, act) -> None:
    shape = replace(SMALL, padding=(1,) * 4, height=3, width=width, act=act)
    layer = make(np.random.default_rng(1), shape)
    found = {form: list(follow(layer, form, form)) for form in FORMS}
    assert [name for kinds in found.values() for name, _, fault in kinds if fault] == []
    assert sum(any(row for _, row, _ in kinds) for kinds in found.values()) == in_rows


def test_random_layers() -> None:
    followed = 0
    for number in range(COUNT):
        rng = np.random.default_rng((SEED, number))
        drawn = replace(draw(rng), act=Activation("clip", -1.0, 1.0), palette=False)
        layer = make(rng, drawn)
        node, size = layer.node, layer.image.shape
        if node.op != "conv2d" or is_depthwise(node) or is_framed(node, size):
            continue
        if layer.expected.size * node.params["weight"][0].size > 30_000:
            continue
        for form in conv_forms(node, size):
            for name, _, fault in follow(layer, form, Form("planes")):
                assert fault == "", f"{number} {name} on {form}"
                followed += 1
    assert followed >= COUNT
