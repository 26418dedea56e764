"""Convolutions write the phases that a stride-2 reader wants: no copy between."""

import numpy as np
import pytest
import torch

from tests.engine.nets import make
from workbench.capture.compile import compile
from workbench.engine.layout.layout import Pad, make_layout, split_layout
from workbench.engine.layout.vectors import Walk, make_vectors
from workbench.kernels import (
    NO_ACTIVATION,
    Executor,
    Placement,
    conv_sparse,
    forced_isa,
    info,
)

TOLERANCE = 2e-5
"""Of the largest result: float32 sums of at most 2,000 terms in another order."""


@pytest.mark.parametrize("isa", info().available)
def test_no_copy_where_only_stride_two_reads(isa: str) -> None:
    module, x = make("mobilenet", 0.6)
    with torch.no_grad():
        expected = module(x).numpy()
    with forced_isa(isa):
        program = compile(module, example=x, tune="model")
        result = program(x)
    assert np.abs(result - expected).max() <= TOLERANCE * np.abs(expected).max()
    assert not [s.layer for s in program.steps if s.op == "copy"]
    # The depthwise layers "7" and "12" read the image as it is, at no cost of a copy.
    assert [s.layer for s in program.steps if "split2" in s.target] == ["input"]


@pytest.mark.parametrize("isa", info().available)
@pytest.mark.parametrize("size", [(1, 1), (5, 3), (4, 16), (3, 17), (7, 33), (2, 40)])
@pytest.mark.parametrize("kind", ["planes", "rows", "strips"])
def test_phases_hold_the_pixels_they_should(
    kind: str, size: tuple[int, int], isa: str
) -> None:
    height, width = size
    source = make_layout(kind, (2, height, width), Pad())
    target = split_layout("planes", (3, height, width), 2, Pad(1, 1))
    src, dst = 64, 64 + source.size + 128
    floats = dst + target.size + 128
    table = make_vectors(source, target, Walk(height, width))
    with forced_isa(isa):
        step = conv_sparse(
            indptr=np.array([0, 1, 2, 4], np.int32),
            offsets=np.array([0, 1, 0, 1], np.int32) * source.channel_stride,
            values=np.array([1, 2, 3, 4], np.float32),
            bias=np.array([0, 10, 20], np.float32),
            place=Placement(
                vectors=table,
                src=src,
                dst=dst,
                out_cs=target.channel_stride,
                act=NO_ACTIVATION,
                arena_floats=floats,
            ),
        )
        executor = Executor([step], arena_floats=floats)
        image = np.arange(2 * height * width, dtype=np.float32)
        image = image.reshape(2, height, width)
        executor.arena[source.geometry(src).addresses()] = image
        executor.run_step(0)
        stored = executor.arena[dst - 64 :].copy()
    first, second = image
    expected = np.stack([first, 2 * second + 10, 3 * first + 4 * second + 20])
    places = target.geometry(64).addresses().reshape(2, 2, 3, *target_size(size))
    for y in (0, 1):
        for x in (0, 1):
            part = expected[:, y::2, x::2]
            where = places[y, x, :, : part.shape[1], : part.shape[2]]
            np.testing.assert_array_equal(stored[where], part)
            stored[where] = 0
    assert not stored.any()


def target_size(size: tuple[int, int]) -> tuple[int, int]:
    return (size[0] + 1) // 2, (size[1] + 1) // 2
