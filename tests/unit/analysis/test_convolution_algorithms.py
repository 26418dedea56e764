"""FFT, columns, Strassen, layouts and the measurement around them, against torch."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.analysis.algorithms.comparison import ERROR_LIMIT, ConvShape
from workbench.analysis.algorithms.fft import FftConvolution, fft_convolve
from workbench.analysis.algorithms.im2col import Window, gemm_convolve, im2col
from workbench.analysis.algorithms.layouts import NAMES, address_map
from workbench.analysis.algorithms.race import race
from workbench.analysis.algorithms.strassen import strassen, strassen_multiplies
from workbench.errors import WorkbenchError

# float32 sums of up to 3 x 49 products around 1, in another order.
CLOSE = 1e-4


@st.composite
def convolutions(draw):
    """Return image, weight and window of any covered shape that has an output."""
    side = st.integers(1, 5)
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    kernel = (draw(side), draw(side))
    window = Window(
        (draw(st.integers(1, 3)), draw(st.integers(1, 3))),
        (draw(st.integers(0, 3)), draw(st.integers(0, 3))),
        (draw(st.integers(1, 2)), draw(st.integers(1, 2))),
        groups,
    )
    image = tuple(
        draw(st.integers(max(1, step * (size - 1) + 1 - 2 * pad), 14))
        for size, step, pad in zip(kernel, window.dilation, window.padding, strict=True)
    )
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    inputs, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    x = random.standard_normal((draw(st.integers(1, 2)), inputs * groups, *image))
    weight = random.standard_normal((outputs * groups, inputs, *kernel))
    return x.astype(np.float32), weight.astype(np.float32), window


def by_torch(x, weight, window):
    return torch.nn.functional.conv2d(
        torch.from_numpy(x),
        torch.from_numpy(weight),
        None,
        window.stride,
        window.padding,
        window.dilation,
        window.groups,
    ).numpy()


@given(convolutions(), st.sampled_from([None, 1, 3, 4]))
@settings(max_examples=80, deadline=None)
def test_fft_is_the_convolution(case, tile):
    x, weight, window = case
    got = fft_convolve(x, weight, window, tile=tile)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, by_torch(x, weight, window), atol=CLOSE)


@given(convolutions())
@settings(max_examples=40, deadline=None)
def test_columns_are_the_convolution(case):
    x, weight, window = case
    want = by_torch(x, weight, window)
    np.testing.assert_allclose(gemm_convolve(x, weight, window), want, atol=CLOSE)
    by_strassen = gemm_convolve(x, weight, window, product=strassen)
    np.testing.assert_allclose(by_strassen, want, atol=5 * CLOSE)


def test_columns_by_hand():
    # Stride 2 on a 3 x 3 image padded to 5 x 5: the first window is 0 0 / 0 0.
    image = np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3)
    columns = im2col(image, (2, 2), Window((2, 2), (1, 1)))
    first = columns[0].T.tolist()
    assert first == [[0, 0, 0, 0], [0, 0, 1, 2], [0, 3, 0, 6], [4, 5, 7, 8]]


def test_shapes_that_do_not_fit_are_explained():
    x, weight = np.zeros((1, 3, 4, 4), np.float32), np.zeros((2, 2, 3, 3), np.float32)
    with pytest.raises(WorkbenchError, match=r"input \(1, 3, 4, 4\) and weight"):
        fft_convolve(x, weight)
    with pytest.raises(WorkbenchError, match="no larger than the padded image"):
        gemm_convolve(x, np.zeros((2, 3, 5, 5), np.float32))
    with pytest.raises(WorkbenchError, match="a tile of 0"):
        fft_convolve(x, np.zeros((2, 3, 3, 3), np.float32), tile=0)


def test_fft_multiplies_by_hand():
    # 6 x 6 outputs of a 3 x 3 kernel on 8 x 8: transforms of 8 x 8, of which 8 x 5
    # frequencies are kept, each 2 x 3 complex products of 3 multiplications.
    weight = np.ones((2, 3, 3, 3), np.float32)
    whole = FftConvolution(weight, (8, 8))
    assert whole.size == (8, 8)
    assert whole.multiplies == 3 * 8 * 5 * 2 * 3
    tiled = FftConvolution(weight, (8, 8), tile=2)
    # Nine tiles of 4 x 4, 4 x 3 frequencies.
    assert (tiled.tiles, tiled.multiplies) == (9, 3 * 9 * 4 * 3 * 2 * 3)


@given(
    st.integers(1, 20),
    st.integers(1, 20),
    st.integers(1, 20),
    st.integers(0, 3),
    st.integers(0, 99),
)
@settings(max_examples=80, deadline=None)
def test_strassen_multiplies_any_sizes(m, k, n, levels, seed):
    random = np.random.default_rng(seed)
    a = random.integers(-4, 5, (m, k)).astype(np.float32)
    b = random.integers(-4, 5, (k, n)).astype(np.float32)
    # Small whole numbers: every sum is exact in float32.
    assert np.array_equal(strassen(a, b, levels=levels), a @ b)


def test_strassen_saves_an_eighth_a_level():
    assert strassen_multiplies(64, 64, 64, 1) == 7 * 32**3
    assert strassen_multiplies(64, 64, 64, 3) == 343 * 8**3
    # Odd sides are padded: 3 becomes 4, two blocks of 2.
    assert strassen_multiplies(3, 3, 3, 1) == 7 * 8
    assert strassen_multiplies(1, 9, 9, 2) == 81


def test_strassen_refuses_what_it_cannot_do():
    with pytest.raises(WorkbenchError, match="shapes"):
        strassen(np.zeros((2, 3), np.float32), np.zeros((2, 3), np.float32))
    with pytest.raises(WorkbenchError, match="7 levels"):
        strassen(np.zeros((2, 2), np.float32), np.zeros((2, 2), np.float32), levels=7)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(3, 4, 5), (8, 2, 2), (17, 3, 1)])
def test_every_element_has_its_own_address(name, shape):
    found = address_map(name, shape, block=8)
    assert len(np.unique(found.addresses)) == np.prod(shape)
    assert found.addresses.min() == 0
    assert found.addresses.max() < found.size
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    if name == "NHWC":
        flat = np.empty(found.size, np.float32)
        flat[found.addresses] = x
        memory = torch.from_numpy(x)[None].contiguous(memory_format=torch.channels_last)
        assert np.array_equal(flat, memory.permute(0, 2, 3, 1).numpy().ravel())


def test_addresses_and_lines_by_hand():
    maps = {name: address_map(name, (16, 4, 4)) for name in NAMES}
    steps = {
        n: [m.step(a) for a in ("channel", "row", "column")] for n, m in maps.items()
    }
    assert steps == {"NCHW": [16, 4, 1], "NHWC": [1, 64, 16], "NCHWc": [1, 32, 8]}
    # All 16 channels of one pixel: 16 lines, one line, two blocks in two lines.
    assert [maps[n].lines(16, 1, 1) for n in NAMES] == [16, 1, 2]
    # Four pixels of one channel: one line, four, two (a line holds two pixels).
    assert [maps[n].lines(1, 1, 4) for n in NAMES] == [1, 4, 2]
    assert address_map("NCHWc", (9, 2, 2)).size == 64
    with pytest.raises(WorkbenchError, match="layout 'CHW'"):
        address_map("CHW", (1, 1, 1))


def test_race_takes_turns():
    order = []
    found = race(
        {"a": lambda: order.append("a"), "b": lambda: order.append("b")}, seconds=0
    )
    assert order == ["a", "b"] * 6
    assert found["a"].n == 5
    assert found["a"].p10_ms <= found["a"].ms <= found["a"].p90_ms


def test_algorithms_agree_and_say_what_they_multiply():
    shape = ConvShape(16, 16, 12)
    rows = {row.algorithm: row for row in wb.measure_algorithms(shape, seconds=0)}
    for row in rows.values():
        assert row.error < ERROR_LIMIT
        assert row.ms is not None
        assert row.ms > 0
    assert rows["columns + BLAS"].multiplies == 16 * 16 * 9 * 144 == shape.macs
    # Sides of 16, 144 and 144 halve evenly three times.
    assert rows["columns + Strassen 3"].multiplies == shape.macs * 343 // 512
    assert {"dense (engine)", "winograd-f4 (engine)", "FFT"} <= set(rows)
    assert rows["winograd-f4 (engine)"].family == "winograd"
    assert rows["winograd-f4 (engine)"].multiplies < shape.macs


def test_layouts_are_timed():
    rows = wb.measure_layouts(ConvShape(16, 16, 12), seconds=0)
    found = {(row.engine, row.layout) for row in rows}
    assert {("torch", "NCHW"), ("torch", "NHWC")} <= found
    assert sum(engine == "dense" for engine, _ in found) >= 2
    assert [row.ms for row in rows] == sorted(row.ms for row in rows)


def test_impossible_shapes_are_explained():
    with pytest.raises(WorkbenchError, match="sizes of 1 or more"):
        ConvShape(0, 1, 1)
    with pytest.raises(WorkbenchError, match="values in its columns"):
        wb.measure_algorithms(ConvShape(4096, 1, 512))
