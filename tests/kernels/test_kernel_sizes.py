"""Sizes that would wrap in C: refused by every family; windows that only look large."""

import os
import subprocess
import sys

import numpy as np
import pytest

from workbench.kernels import (
    Activation,
    Executor,
    Frame,
    Geometry,
    KernelError,
    Placement,
    Step,
    Vectors,
    add,
    conv_dense,
    conv_sparse,
    convert,
    depthwise,
    forced_isa,
    global_avg,
    info,
    linear_dense,
    load_input,
    pool,
    store_output,
)
from workbench.kernels.executor import MAX_THREADS, MOST_BYTES
from workbench.kernels.steps.parts import move, part
from workbench.kernels.values.checks import MOST_FLOATS

FAR = 2**63 - 1
ISAS = info().available if info().native else ("numpy",)
NONE = Activation("none")
RESULT_OF_ONE = Geometry("planes", 1, 1, 1, 1, 1, 16)
IMAGE = Geometry("planes", 2, 4, 5, 32, 5, 0)
RESULT = Geometry("planes", 2, 4, 5, 32, 5, 64)
TABLE = Vectors(
    np.zeros(1, np.int64), np.zeros((1, 1), np.int64), np.full((1, 1), 15, np.uint16)
)


def windows(**changes: object) -> Step:
    fields = {"kernel": (2, 2), "stride": (1, 1), "padding": (0, 0)}
    return pool(
        kind="max",
        geometry_in=IMAGE,
        geometry_out=RESULT,
        **{**fields, **changes},  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"stride": (FAR, FAR)},
        {"stride": (1, 2**31)},
        {"stride": (0, 1)},
        {"stride": (1.0, 1)},
        {"stride": (np.int64(2), 1)},
        {"stride": (True, 1)},
        {"kernel": (2, FAR)},
        {"kernel": (-1, 2)},
        {"padding": (0, FAR)},
        {"padding": (-1, 0)},
    ],
)
def test_pooling_refuses_sizes_beyond_32_bits(changes: dict[str, object]) -> None:
    with pytest.raises(KernelError, match="expected an integer from"):
        windows(**changes)


def test_windows_beyond_the_image_are_empty_whatever_their_stride() -> None:
    # The second window starts at 2**31 - 1: in 32 bits its end would look negative.
    wide = Geometry("planes", 2, 1, 2, 32, 5, 64)
    with pytest.raises(KernelError, match="with an empty window"):
        pool(
            kind="max",
            geometry_in=IMAGE,
            geometry_out=wide,
            kernel=(4, 2),
            stride=(1, 2**31 - 1),
        )


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "out"),
    [
        ((4, 5), (2**31 - 1, 2**31 - 1), (0, 0), (1, 1)),
        ((3, 1001), (1, 1), (1, 500), (4, 5)),
        ((2**20, 2**20), (1, 1), (2**19, 2**19), (5, 6)),
    ],
)
def test_large_windows_need_no_large_scratch(
    isa: str,
    kind: str,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    out: tuple[int, int],
) -> None:
    image = np.random.default_rng(1).standard_normal((1, 2, 4, 5), dtype=np.float32)
    target = Geometry("planes", 2, *out, 48, out[1], 64)
    with forced_isa(isa):
        steps = [
            load_input(geometry_out=IMAGE),
            pool(
                kind=kind,  # type: ignore[arg-type]
                geometry_in=IMAGE,
                geometry_out=target,
                kernel=kernel,
                stride=stride,
                padding=padding,
                count_include_pad=False,
            ),
            store_output(geometry_in=target),
        ]
        scratch = getattr(steps[1], "scratch_floats", 0)
        result = np.empty((1, 2, *out), np.float32)
        with Executor(steps, arena_floats=256) as executor:
            executor.run(image, result)
    assert scratch < 256
    # Every window is cut to the image: by hand, over the pixels that are left.
    expected = np.empty_like(result)
    for y in range(out[0]):
        for x in range(out[1]):
            top, left = y * stride[0] - padding[0], x * stride[1] - padding[1]
            seen = image[
                :, :, max(0, top) : top + kernel[0], max(0, left) : left + kernel[1]
            ]
            reduced = seen.max((2, 3)) if kind == "max" else seen.mean((2, 3))
            expected[:, :, y, x] = reduced
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("isa", ISAS)
def test_areas_beyond_32_bits_are_divided_by(isa: str) -> None:
    # 70,000 x 70,000 pixels, of which 2 x 2 are ones: padding counts.
    size = 70_000
    image, target = Geometry("planes", 1, 2, 2, 4, 2, 0), RESULT_OF_ONE
    with forced_isa(isa):
        steps = [
            load_input(geometry_out=image),
            pool(
                kind="avg",
                geometry_in=image,
                geometry_out=target,
                kernel=(size, size),
                padding=(size // 2, size // 2),
            ),
            store_output(geometry_in=target),
        ]
        result = np.empty((1, 1, 1, 1), np.float32)
        with Executor(steps, arena_floats=64) as executor:
            executor.run(np.ones((1, 1, 2, 2), np.float32), result)
    # Rows and columns from -35,000 to 34,999.
    assert result.item() == pytest.approx(4 / (size * size), rel=1e-6)


@pytest.mark.parametrize("field", ["channel_stride", "row_stride", "base"])
@pytest.mark.parametrize("value", [FAR, MOST_FLOATS + 1, -1, np.int64(64), 8.0])
def test_tensors_refuse_places_that_wrap(field: str, value: object) -> None:
    fields = {**vars(IMAGE), field: value}
    wrong = Geometry(**fields)
    for make in (
        lambda: convert(geometry_in=IMAGE, geometry_out=wrong),
        lambda: add(a=IMAGE, b=wrong, out=RESULT),
        lambda: store_output(geometry_in=wrong),
        lambda: load_input(geometry_out=wrong),
        lambda: global_avg(geometry_in=wrong, dst=0),
        lambda: pool(kind="adaptive_avg", geometry_in=wrong, geometry_out=RESULT),
    ):
        with pytest.raises(KernelError, match=f"{field} of .* expected an integer"):
            make()


@pytest.mark.parametrize("field", ["channels", "height", "width"])
def test_tensors_refuse_sizes_beyond_32_bits(field: str) -> None:
    wrong = Geometry(**{**vars(IMAGE), field: 2**31})
    with pytest.raises(KernelError, match=f"{field} of .* expected an integer"):
        store_output(geometry_in=wrong)


@pytest.mark.skipif(not info().native, reason="needs the compiled kernels")
def test_a_tensor_larger_than_its_arena_is_refused_where_its_size_wraps() -> None:
    # 2**31 - 1 channels at 2**44 floats: more than 64 bits of floats.
    wide = Geometry("planes", 2**31 - 1, 1, 1, MOST_FLOATS, 1, 0)
    with pytest.raises(KernelError, match=r"floats 0\.\.37778931827772789620737 of"):
        Executor([global_avg(geometry_in=wide, dst=0)], arena_floats=64)


@pytest.mark.parametrize("name", ["src", "dst", "out_cs", "residual"])
@pytest.mark.parametrize("value", [FAR, -FAR, MOST_FLOATS + 1, np.int64(3)])
def test_convolutions_refuse_places_that_wrap(name: str, value: object) -> None:
    one = np.ones(1, np.float32)
    places = {"src": 0, "dst": 64, "out_cs": 16, "residual": None, name: value}
    place = Placement(TABLE, **places, arena_floats=128)  # type: ignore[arg-type]
    zero = np.zeros(1, np.int32)
    for make in (
        lambda: conv_sparse(
            indptr=np.array([0, 1], np.int32),
            offsets=zero,
            values=one,
            bias=one,
            place=place,
        ),
        lambda: conv_dense(
            weights=one.reshape(1, 1, 1),
            offsets=zero.reshape(1, 1),
            bias=one,
            place=place,
        ),
        lambda: depthwise(
            weights=one.reshape(1, 1),
            offsets=zero,
            in_cs=16,
            bias=one,
            place=place,
        ),
    ):
        with pytest.raises(KernelError, match=f"{name} of .* expected an integer"):
            make()


@pytest.mark.parametrize("name", ["vec_in", "vec_out"])
def test_vectors_refuse_places_that_wrap(name: str) -> None:
    fields = {**vars(TABLE), name: getattr(TABLE, name) + 2**62}
    with pytest.raises(KernelError, match=f"{name} from"):
        conv_sparse(
            indptr=np.array([0, 1], np.int32),
            offsets=np.zeros(1, np.int32),
            values=np.ones(1, np.float32),
            bias=np.zeros(1, np.float32),
            place=Placement(
                vectors=Vectors(**fields),
                src=0,
                dst=64,
                out_cs=16,
                act=NONE,
                arena_floats=128,
            ),
        )


def test_linear_layers_refuse_places_that_wrap() -> None:
    weights, bias = np.ones((1, 4), np.float32), np.zeros(1, np.float32)
    for places in ({"src": FAR, "dst": 0}, {"src": 0, "dst": -1}):
        with pytest.raises(KernelError, match="expected an integer from 0"):
            linear_dense(weights=weights, bias=bias, act=NONE, **places)


def test_frames_refuse_sizes_that_wrap() -> None:
    offsets = np.zeros(9, np.int32)
    for changes in ({"pitch": FAR}, {"columns": 0}, {"kernel": 2**31}, {"kernel": 4}):
        fields = {"height": 4, "width": 4, "top": 1, "left": 1, "kernel": 3}
        fields |= {"stride": 1, "columns": 1, "pitch": 4, **changes}
        with pytest.raises(KernelError, match=r"of a frame|a kernel of 3 or 5"):
            Frame(**fields).check(offsets, TABLE)


@pytest.mark.skipif(not info().native, reason="needs the compiled kernels")
def test_parts_and_moves_refuse_places_that_wrap() -> None:
    step = convert(geometry_in=IMAGE, geometry_out=RESULT)
    with pytest.raises(KernelError, match="the distance of a part"):
        part(step, (0, 1), moved=(FAR, 0), arena_floats=128)
    with pytest.raises(KernelError, match="the floats of a move"):
        move(src=None, dst=0, floats=FAR, arena_floats=128)
    with pytest.raises(KernelError, match="dst of a move"):
        move(src=64, dst=-FAR, floats=1, arena_floats=128)


@pytest.mark.parametrize("floats", [0, -1, FAR, 2**62, 1.5, np.int64(64)])
def test_an_executor_refuses_an_arena_that_wraps(floats: object) -> None:
    with pytest.raises(KernelError, match="arena_floats of"):
        Executor([store_output(geometry_in=IMAGE)], arena_floats=floats)  # type: ignore[arg-type]


@pytest.mark.parametrize("threads", [0, -1, 10**6, 2**40, 1.0, True, "2"])
def test_an_executor_refuses_impossible_threads(threads: object) -> None:
    with pytest.raises(KernelError, match=f"an integer from 1 to {MAX_THREADS}"):
        Executor([store_output(geometry_in=IMAGE)], arena_floats=128, threads=threads)  # type: ignore[arg-type]


def test_an_executor_refuses_more_memory_than_it_may_take() -> None:
    step = store_output(geometry_in=IMAGE)
    with pytest.raises(KernelError, match="an arena and scratch of 1 MiB"):
        Executor([step], arena_floats=1 << 18, most_bytes=1 << 19)
    with pytest.raises(KernelError, match="expected at most 67,108,864 MiB"):
        Executor([step], arena_floats=MOST_BYTES // 4)


WRAPPED = """
from workbench.kernels import Executor, Geometry, store_output
from workbench.kernels import _native
step = store_output(geometry_in=Geometry("planes", 2, 4, 5, 32, 5, 0))
for floats, threads in ((2**61, 1), (-1, 1), (64, 0), (64, -3)):
    try:
        _native.Runner((step,), floats, threads, False)
        print("made")
    except MemoryError:
        print("refused")
"""


@pytest.mark.skipif(not info().native, reason="needs the compiled kernels")
def test_the_executor_in_c_adds_sizes_up_without_wrapping() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WRAPPED],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["refused"] * 4


def test_pooling_as_torch_where_windows_hang_over() -> None:
    torch = pytest.importorskip("torch")
    image = torch.randn(1, 2, 4, 5, generator=torch.Generator().manual_seed(3))
    target = Geometry("planes", 2, 5, 6, 48, 6, 64)
    steps = [
        load_input(geometry_out=IMAGE),
        pool(
            kind="avg",
            geometry_in=IMAGE,
            geometry_out=target,
            kernel=(4, 8),
            padding=(2, 4),
        ),
        store_output(geometry_in=target),
    ]
    result = np.empty((1, 2, 5, 6), np.float32)
    with Executor(steps, arena_floats=256) as executor:
        executor.run(image.numpy(), result)
    expected = torch.nn.functional.avg_pool2d(image, (4, 8), 1, (2, 4))
    np.testing.assert_allclose(result, expected.numpy(), rtol=1e-5, atol=1e-6)
