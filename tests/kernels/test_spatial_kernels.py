"""Pooling, elementwise and moving kernels in every pair of layouts."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.kernels.cases import EVERY, TOLERANCE, up
from tests.kernels.drawing import ACTIVATIONS, EVERY_ACTIVATION
from tests.kernels.float64 import activate
from tests.kernels.layouts import Room, put, room, split_phases
from workbench.kernels import (
    Executor,
    activation,
    add,
    convert,
    forced_isa,
    global_avg,
    load_input,
    mul,
    pool,
    store_output,
)

KINDS = ("planes", "aligned", "rows", "strips", "flat")
BASE = {
    "c": st.sampled_from([1, 2, 5]),
    "h": st.integers(1, 12),
    "w": st.integers(1, 40),
    "kinds": st.tuples(*[st.sampled_from(KINDS)] * 3),
    "border": st.sampled_from([0, 1]),
    "threads": st.sampled_from([1, 2]),
    "seed": st.integers(0, 2**32 - 1),
}


def chain(rooms: list[Room]) -> tuple[list[Room], int]:
    """Place tensors one after the other; return them and the floats needed."""
    placed, shift = [], 0
    for one in rooms:
        placed.append(one.moved(shift))
        shift = up(placed[-1].stop)
    return placed, shift + 64


def outcome(step, tensors: list, target: Room, floats: int, threads: int) -> np.ndarray:
    """Run one step; check that only the target changed; return the target."""
    with Executor([step], arena_floats=floats, threads=threads) as executor:
        arena = executor.arena
        arena[:] = np.nan
        for where, values in tensors:
            put(arena, where, values)
        before = arena.copy()
        executor.run_step(0)
        places = target.geometry.addresses()
        result = arena[places]
        arena[places] = before[places]
        np.testing.assert_array_equal(arena, before)
    return result


def rooms_of(shape: dict, sizes: list) -> tuple[list[Room], int]:
    return chain(
        [
            room(kind, size, border=shape["border"])
            for kind, size in zip(shape["kinds"], sizes, strict=False)
        ]
    )


@pytest.mark.parametrize("isa", EVERY)
@settings(max_examples=40, deadline=None)
@given(
    shape=st.fixed_dictionaries(
        BASE
        | {
            "kind": st.sampled_from(["max", "avg", "adaptive_max", "adaptive_avg"]),
            "kernel": st.tuples(*[st.integers(1, 4)] * 2),
            "stride": st.tuples(*[st.integers(1, 3)] * 2),
            "pad": st.booleans(),
            "ceil": st.booleans(),
            "inner": st.booleans(),
        }
    )
)
def test_pool_equals_torch(isa: str, shape: dict) -> None:
    torch = pytest.importorskip("torch")
    c, h, w = shape["c"], shape["h"], shape["w"]
    kernel, stride = shape["kernel"], shape["stride"]
    padding = (kernel[0] // 2, kernel[1] // 2) if shape["pad"] else (0, 0)
    assume(h + 2 * padding[0] >= kernel[0] and w + 2 * padding[1] >= kernel[1])
    rng = np.random.default_rng(shape["seed"])
    image = rng.standard_normal((c, h, w), dtype=np.float32)
    tensor = torch.from_numpy(image.astype(np.float64))[None]
    functions = torch.nn.functional
    options = {"padding": padding, "ceil_mode": shape["ceil"]}
    if shape["kind"] == "max":
        wanted = functions.max_pool2d(tensor, kernel, stride, **options)
    elif shape["kind"] == "avg":
        options["count_include_pad"] = not shape["inner"]
        wanted = functions.avg_pool2d(tensor, kernel, stride, **options)
    else:
        size = (min(h, 5), min(w, 7))
        wanted = getattr(functions, f"adaptive_{shape['kind'][9:]}_pool2d")(
            tensor, size
        )
    wanted = wanted[0].numpy()
    (source, target), floats = rooms_of(shape, [(c, h, w), wanted.shape])
    with forced_isa(isa):
        step = pool(
            kind=shape["kind"],
            geometry_in=source.geometry,
            geometry_out=target.geometry,
            kernel=kernel,
            stride=stride,
            padding=padding,
            count_include_pad=not shape["inner"],
        )
        found = outcome(step, [(source, image)], target, floats, shape["threads"])
    np.testing.assert_allclose(found, wanted, **TOLERANCE)


@pytest.mark.parametrize("isa", EVERY)
@pytest.mark.parametrize("width", [2, 3, 8, 16, 17, 18, 34])
@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize("threads", [1, 3])
def test_windows_side_by_side(isa, width, kind, threads) -> None:
    # Rows of one, a few, eight, and more windows; an odd number of vectors.
    shape = {"kinds": ("planes", "rows"), "border": 1}
    image = np.random.default_rng(width).standard_normal((3, 6, width), np.float32)
    image[0, 1, 0] = np.nan
    windows = image[:, :, : width // 2 * 2].reshape(3, 3, 2, width // 2, 2)
    wanted = windows.max((2, 4)) if kind == "max" else windows.mean((2, 4))
    (source, target), floats = rooms_of(shape, [image.shape, wanted.shape])
    with forced_isa(isa):
        step = pool(
            kind=kind,
            geometry_in=source.geometry,
            geometry_out=target.geometry,
            kernel=(2, 2),
            stride=(2, 2),
        )
        assert isa == "numpy" or step.divisible.whole
        found = outcome(step, [(source, image)], target, floats, threads)
    np.testing.assert_allclose(found, wanted, **TOLERANCE)


@pytest.mark.parametrize("isa", EVERY)
def test_nan_wins_a_maximum_and_infinities_pass(isa: str) -> None:
    image = np.zeros((1, 4, 4), dtype=np.float32)
    image[0, 0, 1], image[0, 0, 3], image[0, 3, 0] = np.nan, np.inf, -np.inf
    image[0, 2, :2] = -np.inf
    image[0, 3, 1] = -np.inf
    (source, target), floats = chain([room("flat", (1, 4, 4)), room("flat", (1, 2, 2))])
    with forced_isa(isa):
        step = pool(
            kind="max",
            geometry_in=source.geometry,
            geometry_out=target.geometry,
            kernel=(2, 2),
            stride=(2, 2),
        )
        found = outcome(step, [(source, image)], target, floats, 1)
    np.testing.assert_array_equal(found[0], [[np.nan, np.inf], [-np.inf, 0]])


@pytest.mark.parametrize("isa", EVERY)
@settings(max_examples=40, deadline=None)
@given(
    shape=st.fixed_dictionaries(
        BASE
        | {
            "op": st.sampled_from(["add", "mul", "copy"]),
            "act": st.sampled_from(ACTIVATIONS),
            "broadcast": st.booleans(),
        }
    )
)
def test_elementwise_equals_float64(isa: str, shape: dict) -> None:
    size = (shape["c"], shape["h"], shape["w"])
    second = (shape["c"], 1, 1) if shape["broadcast"] else size
    rng = np.random.default_rng(shape["seed"])
    a = rng.standard_normal(size, dtype=np.float32)
    b = rng.standard_normal(second, dtype=np.float32)
    (first, other, target), floats = rooms_of(shape, [size, second, size])
    with forced_isa(isa):
        if shape["op"] == "copy":
            total = a
            step = activation(
                geometry_in=first.geometry,
                geometry_out=target.geometry,
                act=shape["act"],
            )
        else:
            total = a + b if shape["op"] == "add" else a * b
            step = (add if shape["op"] == "add" else mul)(
                a=first.geometry,
                b=other.geometry,
                out=target.geometry,
                act=shape["act"],
            )
        tensors = [(first, a), (other, b)]
        found = outcome(step, tensors, target, floats, shape["threads"])
    wanted = activate(total.astype(np.float64), shape["act"])
    np.testing.assert_allclose(found, wanted, **TOLERANCE)


@pytest.mark.parametrize("isa", EVERY)
@settings(max_examples=40, deadline=None)
@given(shape=st.fixed_dictionaries(BASE | {"split": st.booleans()}))
def test_moves_are_exact(isa: str, shape: dict) -> None:
    c, h, w = size = (shape["c"], shape["h"], shape["w"])
    split = shape["split"]
    rng = np.random.default_rng(shape["seed"])
    batch = rng.standard_normal((2, *size), dtype=np.float32)
    moved = (4 * c, (h + 1) // 2, (w + 1) // 2) if split else size
    sizes = [size, moved, moved]
    (first, middle, last), floats = rooms_of(shape, sizes)
    result = np.empty((2, *moved), dtype=np.float32)
    with forced_isa(isa):
        steps = [
            load_input(geometry_out=first.geometry),
            convert(
                geometry_in=first.geometry,
                geometry_out=middle.geometry,
                phase_split=split,
            ),
            load_input(geometry_out=last.geometry, phase_split=split, size=size),
            store_output(geometry_in=middle.geometry),
        ]
        with Executor(steps, arena_floats=floats, threads=shape["threads"]) as executor:
            executor.run(batch, result)
            again = executor.arena[last.geometry.addresses()]
    wanted = [split_phases(image) if split else image for image in batch]
    np.testing.assert_array_equal(result, wanted)
    np.testing.assert_array_equal(again, wanted[1])


@pytest.mark.parametrize("isa", EVERY)
@settings(max_examples=20, deadline=None)
@given(shape=st.fixed_dictionaries(BASE))
def test_global_average_equals_numpy(isa: str, shape: dict) -> None:
    size = (shape["c"], shape["h"], shape["w"])
    image = np.random.default_rng(shape["seed"]).standard_normal(size, dtype=np.float32)
    sizes = [size, (shape["c"], 1, 1)]
    rooms = [room(shape["kinds"][0], size), room("flat", sizes[1])]
    (source, target), floats = chain(rooms)
    with forced_isa(isa):
        step = global_avg(geometry_in=source.geometry, dst=target.geometry.base)
        found = outcome(step, [(source, image)], target, floats, shape["threads"])
    wanted = image.astype(np.float64).mean(axis=(1, 2))
    np.testing.assert_allclose(found[:, 0, 0], wanted, **TOLERANCE)


@pytest.mark.parametrize("isa", EVERY)
@pytest.mark.parametrize("act", EVERY_ACTIVATION, ids=lambda act: act.kind)
def test_activations_on_special_values(isa: str, act) -> None:
    values = [-0.0, 0.0, -3.0, 3.0, -90.0, 90.0, -1e30, 1e30, -np.inf, np.inf, np.nan]
    values += [1e-40, -1e-40, 1.2e-38, 88.7, -88.7, 89.0, -104.0, -103.9, -87.4, 1e-7]
    image = np.array(values, dtype=np.float32).reshape(1, 1, -1)
    (source, target), floats = chain([room("flat", image.shape)] * 2)
    with forced_isa(isa):
        step = activation(
            geometry_in=source.geometry, geometry_out=target.geometry, act=act
        )
        found = outcome(step, [(source, image)], target, floats, 1)
    with np.errstate(over="ignore"):
        wanted = activate(image.astype(np.float64), act).astype(np.float32)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-37)
