"""Winograd convolution against float64: every ISA, layout, tile size; dense, sparse."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.cases import EVERY
from tests.kernels.drawing import ACTIVATIONS
from tests.kernels.float64 import activate, convolve
from workbench.engine.layout.layout import Layout, Pad, make_layout, split_layout
from workbench.engine.layout.offsets import Window
from workbench.engine.winograd.cook_toom import cook_toom, transform_weights
from workbench.engine.winograd.tables import make_tiles
from workbench.kernels import (
    Activation,
    Executor,
    KernelError,
    WinogradTaps,
    WinogradTiles,
    WinogradWeights,
    conv_winograd,
    forced_isa,
    variants_conv_winograd,
)

# Relative to the largest output: up to 40 channels of unit normals; F(6, 3) amplifies
# rounding about ten times more than F(2, 3) (tests/engine/test_winograd_exact.py).
TOLERANCE = {2: 2e-6, 4: 5e-6, 6: 2e-5}
GUARD = 64


@dataclass(frozen=True, eq=False)
class Case:
    """One layer, its tensors placed in an arena of NaNs."""

    m: int
    image: np.ndarray
    weight: np.ndarray
    bias: np.ndarray
    added: np.ndarray | None
    source: Layout
    target: Layout
    padding: tuple[int, int, int, int]
    act: Activation
    threads: int

    @property
    def out(self) -> tuple[int, int, int]:
        (_, height, width), outputs = self.image.shape, self.bias.size
        top, left, bottom, right = self.padding
        return outputs, height + top + bottom - 2, width + left + right - 2

    @property
    def src(self) -> int:
        return GUARD

    @property
    def dst(self) -> int:
        return self.src + self.source.size + GUARD

    @property
    def residual(self) -> int | None:
        return None if self.added is None else self.dst + self.target.size + GUARD

    @property
    def floats(self) -> int:
        return self.dst + 2 * self.target.size + 3 * GUARD

    def tiles(self) -> WinogradTiles:
        top, left, _, _ = self.padding
        window = Window(
            (3, 3), (1, 1), (1, 1), top, left, self.image.shape[1:], self.out[1:]
        )
        return make_tiles(self.m, window, self.source, self.target)

    def weights(self, *, sparse: bool = False) -> WinogradWeights:
        transform = cook_toom(self.m, 3)
        at, _, bt = (matrix.astype(np.float32) for matrix in transform.arrays())
        return WinogradWeights(
            transform_weights(self.weight, transform), bt, at, sparse
        )

    def taps(self) -> WinogradTaps:
        at, g, bt = cook_toom(self.m, 3).arrays()
        return WinogradTaps(
            self.weight, g, bt.astype(np.float32), at.astype(np.float32)
        )

    def step(self, weights: WinogradWeights | WinogradTaps, variant: str | None = None):
        return conv_winograd(
            weights=weights,
            bias=self.bias,
            tiles=self.tiles(),
            src=self.src,
            in_cs=self.source.channel_stride,
            dst=self.dst,
            out_cs=self.target.channel_stride,
            act=self.act,
            residual=self.residual,
            variant=variant,
            arena_floats=self.floats,
        )

    def run(self, step) -> np.ndarray:
        """Run the step, check that only pixels of the target changed, return them."""
        with Executor([step], arena_floats=self.floats, threads=self.threads) as ex:
            arena = ex.arena
            arena[:] = np.nan
            arena[places(self.source, self.src)] = self.image
            stored = places(self.target, self.dst)
            if self.residual is not None:
                arena[places(self.target, self.residual)] = self.added
            before = arena.copy()
            ex.run_step(0)
            result = arena[stored]
            untouched = np.ones(self.floats, dtype=bool)
            untouched[stored] = False
            np.testing.assert_array_equal(arena[untouched], before[untouched])
        return result

    def sums(self) -> np.ndarray:
        """Return what the activation gets, in float64."""
        top, left, bottom, right = self.padding
        image = np.pad(self.image, ((0, 0), (top, bottom), (left, right)))
        out = convolve(image, self.weight, self.bias)
        return out if self.added is None else out + self.added

    def check(self, result: np.ndarray) -> None:
        sums = self.sums()
        expected = activate(sums, self.act)
        limit = TOLERANCE[self.m] * max(1.0, float(np.abs(sums).max()))
        assert np.abs(result - expected).max() <= limit


def places(layout: Layout, base: int) -> np.ndarray:
    """Return the arena offset of every element, shape (C, H, W)."""
    if layout.split == 1:
        channels = np.arange(layout.channels)[:, None, None] * layout.channel_stride
        return base + channels + layout.pixels()
    count = layout.channels // 4
    ys, xs = (np.arange(size) for size in layout.full)
    phase = 2 * (ys % 2)[:, None] + xs % 2
    half = layout.pixels()[(ys // 2)[:, None], xs // 2] + phase * (
        count * layout.channel_stride
    )
    return base + half + np.arange(count)[:, None, None] * layout.channel_stride


def make_case(seed: int, shape: dict) -> Case:
    random = np.random.default_rng(seed)
    top, left, bottom, right = shape["padding"]
    c, o = shape["inputs"], shape["outputs"]
    h, w = max(shape["height"], 3 - top - bottom), max(shape["width"], 3 - left - right)
    out = (o, h + top + bottom - 2, w + left + right - 2)

    if shape["target"] == "split":
        target = split_layout("planes", out, 2, Pad(1, 1))
    else:
        target = make_layout(shape["target"], out, Pad(1, 1))

    def normal(*size: int) -> np.ndarray:
        return random.standard_normal(size, dtype=np.float32)

    return Case(
        shape["m"],
        normal(c, h, w),
        normal(o, c, 3, 3) / 3,
        normal(o),
        normal(*out) if shape["residual"] else None,
        make_layout(shape["source"], (c, h, w), Pad(*shape["border"])),
        target,
        shape["padding"],
        shape["act"],
        shape["threads"],
    )


def layers(**fixed) -> st.SearchStrategy:
    """Draw (seed, shape) of a layer; ``fixed`` overrides single entries."""
    parts = {
        "m": st.sampled_from([2, 4, 6]),
        "inputs": st.integers(1, 40),
        "outputs": st.sampled_from([1, 2, 7, 8, 9, 16, 17, 33, 72]),
        "height": st.integers(1, 30),
        "width": st.integers(1, 40),
        "padding": st.sampled_from([(1, 1, 1, 1), (0, 0, 0, 0), (2, 0, 1, 3)]),
        "border": st.sampled_from([(0, 0), (1, 1), (2, 3)]),
        "source": st.sampled_from(["planes", "rows", "tight"]),
        "target": st.sampled_from(["planes", "rows", "strips", "tight", "split"]),
        "residual": st.booleans(),
        "act": st.sampled_from(ACTIVATIONS),
        "threads": st.sampled_from([1, 1, 2, 3, 7]),
    }
    parts |= {name: st.just(value) for name, value in fixed.items()}
    return st.tuples(st.integers(0, 2**32 - 1), st.fixed_dictionaries(parts))


LAYER = {
    "m": 4,
    "inputs": 16,
    "outputs": 24,
    "height": 14,
    "width": 15,
    "padding": (1, 1, 1, 1),
    "border": (1, 1),
    "source": "planes",
    "target": "planes",
    "residual": True,
    "act": Activation("relu"),
    "threads": 1,
}


@pytest.mark.parametrize("isa", EVERY)
@settings(max_examples=15, deadline=None)
@given(drawn=layers())
def test_dense_equals_float64(isa: str, drawn) -> None:
    case = make_case(*drawn)
    with forced_isa(isa):
        case.check(case.run(case.step(case.weights())))
        for variant in variants_conv_winograd(case.taps(), case.tiles()):
            case.check(case.run(case.step(case.taps(), variant)))


@pytest.mark.parametrize("isa", EVERY)
@settings(max_examples=6, deadline=None)
@given(drawn=layers(act=Activation()), density=st.sampled_from([0.0, 0.2, 1.0]))
def test_sparse_equals_dense_with_the_same_coordinates(isa, drawn, density) -> None:
    case = make_case(*drawn)
    full = case.weights()
    kept = np.random.default_rng(drawn[0]).random(full.coords.shape) < density
    masked = replace(full, coords=np.where(kept, full.coords, 0).astype(np.float32))
    with forced_isa(isa):
        dense = case.run(case.step(masked))
        step = case.step(replace(masked, sparse=True))
        sparse = case.run(step)
        assert step.macs == np.count_nonzero(masked.coords) * case.tiles().count
    scale = max(1.0, float(np.abs(dense).max()))
    assert np.abs(sparse - dense).max() <= TOLERANCE[case.m] * scale


@pytest.mark.parametrize("isa", EVERY)
@pytest.mark.parametrize("m", [2, 4, 6])
@pytest.mark.parametrize("kind", ["dense", "sparse", "taps"])
def test_every_block_size_and_thread_count_gives_the_same_bits(isa, m, kind) -> None:
    shape = LAYER | {"m": m, "outputs": 136, "height": 29, "width": 29, "inputs": 5}
    case = make_case(1, shape)
    dense_or_sparse = case.weights(sparse=kind == "sparse")
    weights = case.taps() if kind == "taps" else dense_or_sparse
    with forced_isa(isa):
        names = variants_conv_winograd(weights, case.tiles())
        if kind == "taps":  # transformed in double, these have bits of their own
            assert any(name.endswith("ready") for name in names)
            names = [name for name in names if not name.endswith("ready")]
        results = [
            replace(case, threads=threads).run(case.step(weights, variant))
            for variant in names
            for threads in (1, 2, 3)
        ]
    case.check(results[0])
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


@pytest.mark.parametrize("isa", EVERY)
@pytest.mark.parametrize("side", [1, 2, 3, 4, 5, 7, 12, 13, 16, 17])
def test_partly_filled_tile_vectors(isa: str, side: int) -> None:
    """Tile counts around 8 and 16, where the kernel changes its width."""
    for m in (2, 4, 6):
        case = make_case(side, LAYER | {"m": m, "height": side, "width": side})
        with forced_isa(isa):
            case.check(case.run(case.step(case.weights())))


def test_executed_macs_are_the_products_of_existing_tiles() -> None:
    case = make_case(0, LAYER)
    # 14 x 15 outputs are 4 x 4 tiles of 4 x 4; 36 products a tile and channel pair.
    assert case.step(case.weights()).macs == 16 * 36 * 16 * 24


@pytest.mark.parametrize("isa", EVERY)
def test_nan_and_infinity_spread_no_further_than_their_tiles(isa: str) -> None:
    case = make_case(2, LAYER | {"height": 20, "width": 20, "act": Activation()})
    image = case.image.copy()
    image[3, 0, 0], image[5, 19, 19] = np.nan, np.inf
    with forced_isa(isa):
        result = replace(case, image=image).run(case.step(case.weights()))
    assert np.isnan(result[:, 0, 0]).all()
    assert not np.isfinite(result[:, 19, 19]).any()
    clean = result[:, 4:16, 4:16]
    np.testing.assert_array_equal(np.isfinite(clean), True)


@pytest.mark.parametrize(
    ("found", "change"),
    [
        ("item slots 0..999", {"item_slot": 999}),
        ("the source touches floats", {"item_off": 10**9}),
        ("the destination touches floats", {"out_off": 10**9}),
    ],
)
def test_tables_that_leave_their_memory_are_refused(found, change) -> None:
    case = make_case(0, LAYER)
    tiles = case.tiles()
    name, value = next(iter(change.items()))
    table = getattr(tiles, name).copy()
    table.flat[-1] = value
    if name == "out_off":
        table[:] = value
    with pytest.raises(KernelError, match=found):
        conv_winograd(
            weights=case.weights(),
            bias=case.bias,
            tiles=replace(tiles, **{name: table}),
            src=case.src,
            in_cs=case.source.channel_stride,
            dst=case.dst,
            out_cs=case.target.channel_stride,
            act=case.act,
            arena_floats=case.floats,
        )


def test_unknown_block_and_unpaired_points_are_refused() -> None:
    case = make_case(0, LAYER)
    weights = case.weights()
    with pytest.raises(KernelError, match="variant '9x9'"):
        case.step(weights, "9x9")
    bt = weights.bt.copy()
    bt[1, 1] += 1
    with pytest.raises(KernelError, match="pairs of opposite numbers"):
        case.step(replace(weights, bt=bt))
    with pytest.raises(KernelError, match="bias of 3 values"):
        replace(case, bias=np.zeros(3, np.float32)).step(weights)


@pytest.mark.parametrize("isa", EVERY)
@pytest.mark.parametrize(
    ("m", "outputs", "channels", "side"),
    [(2, 9, 8, 14), (4, 70, 5, 14), (6, 8, 3, 14), (4, 40, 96, 30), (4, 40, 200, 4)],
)
def test_taps_give_what_their_coordinates_give(isa, m, outputs, channels, side) -> None:
    """Chunks beyond the last output, odd inputs, several blocks of vectors."""
    shape = {"m": m, "outputs": outputs, "inputs": channels}
    case = make_case(7, LAYER | shape | {"height": side, "width": side})
    taps = case.taps()
    np.testing.assert_allclose(taps.coords, case.weights().coords, rtol=1e-6, atol=1e-9)
    scale = max(1.0, float(np.abs(case.sums()).max()))
    with forced_isa(isa):
        theirs = case.run(case.step(case.weights()))
        for variant in variants_conv_winograd(taps, case.tiles()):
            step = case.step(taps, variant)
            assert np.abs(case.run(step) - theirs).max() <= TOLERANCE[m] * scale
            if isa != "numpy" and not variant.endswith("ready"):
                padded = -(-outputs // 8) * 8 * -(-channels // 2) * 2
                assert step.bytes == 9 * 4 * padded


def test_taps_with_another_g_are_refused() -> None:
    case = make_case(0, LAYER)
    g = case.taps().g.copy()
    g[2] = g[1]
    with pytest.raises(KernelError, match="rows of G"):
        case.step(replace(case.taps(), g=g))
