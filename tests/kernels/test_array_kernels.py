"""Steps on arrays of any rank against NumPy; nothing else in the arena changes."""

from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.cases import EVERY
from workbench.kernels import Executor, KernelError, Step, forced_isa
from workbench.kernels.steps.views import along, products, views
from workbench.kernels.values.views import (
    ALONG,
    FUNCTIONS,
    SAME_SHAPE,
    TWO_OPERANDS,
    View,
    constant_view,
    stand_in,
    view_of,
)

CLOSE = {"rtol": 2e-5, "atol": 2e-5}
FIRST, SECOND = 64, 20_000
ROOM = 60_000
SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=4)
DRAWN = settings(max_examples=60, deadline=None)


def outcome(
    step: Step, given: dict[int, np.ndarray], target: np.ndarray, threads: int
) -> np.ndarray:
    """Run one step over an arena of NaN; check that it wrote the target alone."""
    with Executor([step], arena_floats=ROOM, threads=threads) as executor:
        arena = executor.arena
        arena[:] = np.nan
        for start, array in given.items():
            arena[start : start + array.size] = array.reshape(-1)
        before = arena.copy()
        executor.run_step(0)
        result = arena[target]
        arena[target] = before[target]
        np.testing.assert_array_equal(arena, before)
    return result


def whole(start: int, shape: tuple[int, ...]) -> np.ndarray:
    return start + np.arange(prod(shape)).reshape(shape)


def contiguous(start: int, shape: tuple[int, ...]) -> View:
    ghost = stand_in(shape)
    return view_of(ghost, ghost, start)


def numbers(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


@pytest.mark.parametrize("isa", EVERY)
@DRAWN
@given(data=st.data(), threads=st.sampled_from([1, 2]), seed=st.integers(0, 99))
def test_copies_of_views(
    isa: str, data: st.DataObject, threads: int, seed: int
) -> None:
    big = st.sampled_from([1, 2, 3, 5, 16, 17, 33])
    shape = tuple(data.draw(st.lists(big, min_size=1, max_size=4)))
    while prod(shape) > 15_000:
        shape = shape[:-1]
    order = tuple(data.draw(st.permutations(range(len(shape)))))
    cuts = tuple(
        slice(
            data.draw(st.integers(0, n - 1)), None, data.draw(st.sampled_from([1, 2]))
        )
        for n in shape
    )
    x = numbers(seed, shape)
    ghost = stand_in(shape)
    part, expected = ghost[cuts].transpose(order), x[cuts].transpose(order)
    frame = stand_in([n + 2 for n in expected.shape])
    inside = tuple(slice(1, n + 1) for n in expected.shape)
    with forced_isa(isa):
        step = views(
            "copy",
            sizes=expected.shape,
            out=view_of(frame[inside], frame, SECOND),
            operands=(view_of(part, ghost, FIRST),),
        )
        target = whole(SECOND, frame.shape)[inside]
        result = outcome(step, {FIRST: x}, target, threads)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("isa", EVERY)
def test_large_turns(isa: str) -> None:
    """Pixels to the front, to the back, and interleaved as pixel shuffle does."""
    x = numbers(0, (12, 20, 37))
    for order in ((1, 2, 0), (2, 0, 1), (2, 1, 0)):
        ghost = stand_in(x.shape)
        expected = x.transpose(order)
        with forced_isa(isa):
            step = views(
                "copy",
                sizes=expected.shape,
                out=contiguous(SECOND, expected.shape),
                operands=(view_of(ghost.transpose(order), ghost, FIRST),),
            )
            result = outcome(step, {FIRST: x}, whole(SECOND, expected.shape), 2)
        np.testing.assert_array_equal(result, expected)


NUMPY = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "sqrt": np.sqrt,
    "rsqrt": lambda a: 1 / np.sqrt(a),
    "reciprocal": lambda a: 1 / a,
    "square": np.square,
    "abs": np.abs,
    "neg": np.negative,
}


@pytest.mark.parametrize("isa", EVERY)
@pytest.mark.parametrize("function", FUNCTIONS[1:])
@settings(max_examples=12, deadline=None)
@given(
    shape=SIZES,
    narrow=st.tuples(*[st.booleans()] * 4),
    constant=st.booleans(),
    threads=st.sampled_from([1, 2]),
)
def test_functions(isa, function, shape, narrow, constant, threads) -> None:
    shape = tuple(shape)
    small = tuple(1 if one else n for one, n in zip(narrow, shape, strict=False))
    x, other = numbers(1, shape), numbers(2, small)
    x.reshape(-1)[::3] *= -1
    x.reshape(-1)[0] = np.nan
    ghost = stand_in(small)
    wide = np.broadcast_to(ghost, shape)
    second = constant_view(other, shape) if constant else view_of(wide, ghost, SECOND)
    pair = (contiguous(FIRST, shape), second)
    operands = pair if function in TWO_OPERANDS else pair[:1]
    arrays = (x, other) if function in TWO_OPERANDS else (x,)
    with np.errstate(all="ignore"):
        expected = NUMPY[function](*arrays)
    with forced_isa(isa):
        step = views(
            function, sizes=shape, out=contiguous(40_000, shape), operands=operands
        )
        given = {FIRST: x, SECOND: other}
        result = outcome(step, given, whole(40_000, shape), threads)
    np.testing.assert_allclose(result, expected, rtol=1e-6)


def reference(kind: str, x: np.ndarray, eps: float, centre: bool) -> np.ndarray:
    """Return the operation along axis 1 in double precision."""
    x = x.astype(np.float64)
    if "softmax" in kind:
        powers = np.exp(x - x.max(1, keepdims=True))
        shares = powers / powers.sum(1, keepdims=True)
        return np.log(shares) if kind == "log_softmax" else shares
    if kind == "norm":
        x = x - x.mean(1, keepdims=True) * centre
        return x / np.sqrt((x * x).mean(1, keepdims=True) + eps)
    return {
        "sum": lambda: x.sum(1),
        "mean": lambda: x.mean(1),
        "sumsq": lambda: (x * x).sum(1),
        "l2": lambda: np.sqrt((x * x).sum(1)),
        "max": lambda: x.max(1),
        "min": lambda: x.min(1),
    }[kind]()


@pytest.mark.parametrize("isa", EVERY)
@pytest.mark.parametrize("kind", ALONG)
@settings(max_examples=20, deadline=None)
@given(
    outer=st.sampled_from([1, 2, 5]),
    count=st.sampled_from([1, 2, 15, 16, 17, 40, 77]),
    inner=st.sampled_from([1, 2, 16, 63, 64, 65, 130]),
    centre=st.booleans(),
    in_place=st.booleans(),
    threads=st.sampled_from([1, 2]),
)
def test_along_an_axis(
    isa, kind, outer, count, inner, centre, in_place, threads
) -> None:
    shape = (min(outer, 15_000 // (count * inner) or 1), count, inner)
    same = kind in SAME_SHAPE
    dst = FIRST if same and in_place else SECOND
    x = numbers(count, shape) * 3 + 1
    scale, shift = numbers(5, (count,)), numbers(6, (count,))
    expected = reference(kind, x, 1e-3, centre)
    params = {}
    if kind == "norm":
        expected = expected * scale[:, None] + shift[:, None]
        params = {"eps": 1e-3, "centre": centre, "scale": scale, "shift": shift}
    with forced_isa(isa):
        step = along(kind, shape=shape, src=FIRST, dst=dst, **params)
        result = outcome(step, {FIRST: x}, whole(dst, expected.shape), threads)
    np.testing.assert_allclose(result, expected, rtol=2e-5, atol=1e-4)


@pytest.mark.parametrize("isa", EVERY)
@pytest.mark.parametrize("given_scale", [True, False])
def test_groups_have_a_scale_for_each_of_their_channels(
    isa: str, given_scale: bool
) -> None:
    groups, channels, pixels = 3, 6, 21
    x, scale = numbers(0, (channels, pixels)), numbers(1, (channels,))
    lines = x.astype(np.float64).reshape(groups, -1)
    lines = (lines - lines.mean(1, keepdims=True)) / np.sqrt(
        lines.var(1, keepdims=True) + 1e-5
    )
    expected = lines.reshape(channels, pixels) * (scale[:, None] if given_scale else 1)
    with forced_isa(isa):
        step = along(
            "norm",
            shape=(groups, channels // groups * pixels, 1),
            src=FIRST,
            dst=SECOND,
            eps=1e-5,
            scale=scale if given_scale else None,
            per_line=channels // groups,
            per_number=pixels,
        )
        result = outcome(step, {FIRST: x}, whole(SECOND, x.shape), 1)
    np.testing.assert_allclose(result, expected, **CLOSE)


@pytest.mark.parametrize("isa", EVERY)
@pytest.mark.parametrize("kind", ["softmax", "log_softmax"])
def test_masked_places_have_no_share(isa: str, kind: str) -> None:
    x = np.array([[[0.0], [-np.inf], [np.log(3)]]], np.float32)
    with forced_isa(isa):
        step = along(kind, shape=(1, 3, 1), src=FIRST, dst=SECOND)
        result = outcome(step, {FIRST: x}, whole(SECOND, (3,)), 1)
    shares = np.exp(result) if kind == "log_softmax" else result
    np.testing.assert_allclose(shares, [0.25, 0, 0.75], rtol=1e-6)


@pytest.mark.parametrize("isa", EVERY)
@DRAWN
@given(
    batch=st.lists(st.integers(1, 3), max_size=2),
    rows=st.sampled_from([1, 3, 4, 7, 9]),
    depth=st.sampled_from([1, 2, 5, 16, 33]),
    columns=st.sampled_from([1, 2, 15, 16, 17, 40]),
    turned=st.tuples(st.booleans(), st.booleans()),
    constant=st.booleans(),
    threads=st.sampled_from([1, 2]),
)
def test_products(isa, batch, rows, depth, columns, turned, constant, threads) -> None:
    batch = tuple(batch)
    stored = [(rows, depth), (depth, columns)]
    stored = [s[::-1] if t else s for s, t in zip(stored, turned, strict=True)]
    # The right operand serves every matrix of the first axis.
    shapes = [(*batch, *stored[0]), (*(1,) * len(batch[:1]), *batch[1:], *stored[1])]
    x, y = (numbers(i, shape) for i, shape in enumerate(shapes))
    arrays, found = [], []
    for start, array, turn in zip((FIRST, SECOND), (x, y), turned, strict=True):
        ghost = stand_in(array.shape)
        part = ghost.swapaxes(-1, -2) if turn else ghost
        shaped = array.swapaxes(-1, -2) if turn else array
        wide = (*batch, *part.shape[-2:])
        if constant and array is y:
            found.append(constant_view(shaped, wide))
        else:
            found.append(view_of(np.broadcast_to(part, wide), ghost, start))
        arrays.append(shaped.astype(np.float64))
    expected = arrays[0] @ arrays[1]
    with forced_isa(isa):
        step = products(
            batch=batch,
            rows=rows,
            depth=depth,
            columns=columns,
            left=found[0],
            right=found[1],
            dst=40_000,
        )
        given = {FIRST: x, SECOND: y}
        result = outcome(step, given, whole(40_000, expected.shape), threads)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)


def test_what_would_be_wrong_is_refused() -> None:
    two = contiguous(64, (4, 4))
    with pytest.raises(KernelError, match="ranges that do not meet"):
        views("copy", sizes=(4, 4), out=two, operands=(contiguous(72, (4, 4)),))
    with pytest.raises(KernelError, match="a float for each element"):
        views("copy", sizes=(4, 4), out=View(64, (0, 1)), operands=(View(0, (4, 1)),))
    with pytest.raises(KernelError, match="one for each of"):
        views("copy", sizes=(4, 4), out=two, operands=(View(0, (1,)),))
    fixed = View(0, (1,), np.zeros(3, np.float32))
    with pytest.raises(KernelError, match=r"range within 0\.\.3"):
        views("copy", sizes=(4,), out=View(64, (1,)), operands=(fixed,))
    with pytest.raises(KernelError, match="2 operands of sqrt"):
        views("sqrt", sizes=(4, 4), out=two, operands=(two, two))
    with pytest.raises(KernelError, match="3 numbers of scale"):
        along("norm", shape=(1, 4, 1), src=0, dst=64, scale=np.zeros(3, np.float32))
    with pytest.raises(KernelError, match="ranges that do not meet"):
        along("sum", shape=(1, 4, 1), src=64, dst=66)
    sizes = {"rows": 2, "depth": 2, "columns": 2}
    with pytest.raises(KernelError, match="ranges that do not meet"):
        products(batch=(), **sizes, left=View(0, (2, 1)), right=View(4, (2, 1)), dst=6)
