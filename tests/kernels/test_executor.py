"""The executor: batches, threads, repeatability, sharing between Python threads."""

import os
import subprocess
import sys
import threading

import numpy as np
import psutil
import pytest

from tests.kernels.cases import EVERY, ISAS, SHAPE, build, sparse_arrays
from tests.kernels.layouts import GUARD, room
from workbench.kernels import (
    Executor,
    KernelError,
    conv_sparse,
    forced_isa,
    info,
    load_input,
    store_output,
)

MOST_MACS_PER_NS = 2 * 2 * 16 * 7
"""Two cores with two 16-lane multiply-adds a cycle at 7 GHz: no machine is faster."""


def program(threads: int, isa: str) -> tuple[Executor, np.ndarray, np.ndarray]:
    """Return an executor of load, convolution, store; an image; its result."""
    case = build(7, SHAPE)
    with forced_isa(isa):
        steps = [
            load_input(geometry_out=case.source.geometry),
            conv_sparse(**sparse_arrays(case), place=case.place),
            store_output(geometry_in=case.target.geometry),
        ]
        executor = Executor(steps, arena_floats=case.floats, threads=threads)
    return executor, case.image[None], case.expected()[None]


@pytest.mark.parametrize("isa", EVERY)
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_batches_repeat_bit_for_bit(isa: str, threads: int) -> None:
    executor, image, wanted = program(threads, isa)
    batch = np.concatenate([image, 2 * image, image])
    first = np.empty((3, *wanted.shape[1:]), dtype=np.float32)
    second = first.copy()
    with executor:
        executor.run(batch, first)
        executor.run(batch, second)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first[0], first[2])
    np.testing.assert_allclose(first[:1], wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("threads", [1, 2])
def test_python_threads_share_executors(threads: int) -> None:
    programs = [program(threads, ISAS[-1]) for _ in range(2)]
    wanted = np.empty(programs[0][2].shape, dtype=np.float32)
    programs[0][0].run(programs[0][1], wanted)
    wrong: list[int] = []

    def work(number: int) -> None:
        executor, image, _ = programs[number % 2]
        result = np.empty_like(wanted)
        for turn in range(50):
            executor.run(image, result)
            if not np.array_equal(result, wanted):
                wrong.append(turn)

    callers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    for executor, _, _ in programs:
        executor.close()
    assert wrong == []


def new_threads(before: frozenset[int]) -> frozenset[int]:
    """Return the threads that were not there before; old ones may have ended since."""
    return frozenset(t.id for t in psutil.Process().threads()) - before


def test_one_thread_starts_none_and_close_stops_the_others() -> None:
    before = new_threads(frozenset())
    single, image, wanted = program(1, ISAS[-1])
    result = np.empty(wanted.shape, dtype=np.float32)
    single.run(image, result)
    assert not new_threads(before)
    helpers = min(3, len(os.sched_getaffinity(0))) - 1
    triple, image, _ = program(3, ISAS[-1])
    triple.run(image, result)
    assert len(new_threads(before)) == helpers
    triple.close()
    assert not new_threads(before)
    triple.run(image, result)
    assert len(new_threads(before)) == helpers
    triple.close()
    np.testing.assert_allclose(result, wanted, rtol=1e-4, atol=1e-4)


def test_a_forked_child_gets_threads_of_its_own() -> None:
    executor, image, wanted = program(2, ISAS[-1])
    result = np.empty(wanted.shape, dtype=np.float32)
    executor.run(image, result)
    child = os.fork()
    if child == 0:
        again = np.empty_like(result)
        executor.run(image, again)
        os._exit(0 if np.array_equal(again, result) else 1)
    _, status = os.waitpid(child, 0)
    executor.close()
    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.parametrize("isa", EVERY)
def test_times_have_a_row_a_round(isa: str) -> None:
    executor, _, _ = program(1, isa)
    times = executor.time_steps(4)
    assert times.shape == (4, 3)
    assert (times > 0).all()
    assert executor.time_step(1, 5).shape == (5,)


def test_no_time_is_lost_when_the_caller_loses_its_processor() -> None:
    """Others finish steps without it: what it would see of them is nearly nothing."""
    if info().isa == "numpy":
        pytest.skip("the kernels are not compiled: there are no threads")
    case = build(7, SHAPE | {"inputs": 64, "outputs": 64, "height": 28, "width": 28})
    step = conv_sparse(**sparse_arrays(case), place=case.place)
    least = step.macs / MOST_MACS_PER_NS
    spinners = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(os.cpu_count() or 1)
    ]
    try:
        with Executor([step] * 4, arena_floats=case.floats, threads=2) as executor:
            times = executor.time_steps(1000)
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()
    assert least > 1000
    assert times.min() > least


def test_the_arena_outlives_the_executor() -> None:
    executor, image, wanted = program(1, ISAS[-1])
    executor.run(image, np.empty(wanted.shape, dtype=np.float32))
    arena = executor.arena
    before = arena.copy()
    del executor
    np.testing.assert_array_equal(arena, before)
    assert arena.ctypes.data % 64 == 0


def test_wrong_arrays_are_refused() -> None:
    executor, image, wanted = program(1, ISAS[-1])
    result = np.empty(wanted.shape, dtype=np.float32)
    with pytest.raises(KernelError, match="x of type float64; expected float32"):
        executor.run(image.astype(np.float64), result)
    with pytest.raises(KernelError, match="with 3136 floats an image"):
        executor.run(image[:, :3].copy(), result)
    with pytest.raises(KernelError, match="2 images and 1 results"):
        executor.run(np.concatenate([image, image]), result)
    with pytest.raises(KernelError, match="x with strides"):
        executor.run(image[:, :, ::2, :], result)
    result.flags.writeable = False
    with pytest.raises(KernelError, match="writeable"):
        executor.run(image, result)


def test_steps_of_two_back_ends_and_small_arenas_are_refused() -> None:
    geometry = room("flat", (1, 4, 4)).geometry
    native = store_output(geometry_in=geometry)
    with forced_isa("numpy"):
        plain = store_output(geometry_in=geometry)
    with pytest.raises(KernelError, match="1 NumPy steps among 2"):
        Executor([native, plain], arena_floats=1024)
    with pytest.raises(KernelError, match=rf"floats {GUARD}\.\.{GUARD + 16} of"):
        Executor([native], arena_floats=GUARD + 15)


def test_an_unknown_instruction_set_is_refused(monkeypatch) -> None:
    monkeypatch.setenv("WORKBENCH_ISA", "sse9")
    with pytest.raises(KernelError, match="instruction set 'sse9'"):
        info()
    monkeypatch.setenv("WORKBENCH_ISA", "scalar")
    assert info().isa == "scalar"
    assert info().reason == "WORKBENCH_ISA asks for it"
