"""Teams: the C program beside this file, and threads that share one processor."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.kernels.cases import ISAS, SHAPE, build, sparse_arrays
from tests.kernels.harness import run_harness
from workbench.kernels import (
    Executor,
    conv_sparse,
    forced_isa,
    load_input,
    store_output,
)

LAYERS = 12


def test_parts_run_once_in_order_and_without_threads_that_are_held_up(
    tmp_path: Path,
) -> None:
    run_harness("team_harness", tmp_path)


def executor(threads: int) -> tuple[Executor, np.ndarray, np.ndarray]:
    """Return the same convolution a dozen times, an image, and room for the result."""
    case = build(11, SHAPE)
    with forced_isa(ISAS[-1]):
        layer = conv_sparse(**sparse_arrays(case), place=case.place)
        steps = [
            load_input(geometry_out=case.source.geometry),
            *[layer] * LAYERS,
            store_output(geometry_in=case.target.geometry),
        ]
        made = Executor(steps, arena_floats=case.floats, threads=threads)
    return made, case.image[None], np.empty((1, *case.expected().shape), np.float32)


@pytest.fixture
def usable() -> Iterator[set[int]]:
    """Give the processors of this thread, and give them back."""
    processors = os.sched_getaffinity(0)
    yield processors
    os.sched_setaffinity(0, processors)


def tasks() -> set[int]:
    """Return the threads of this process."""
    return {int(task) for task in os.listdir("/proc/self/task")}


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_one_processor_runs_the_parts_of_several_threads(
    threads: int, usable: set[int]
) -> None:
    many, image, wanted = executor(threads)
    with many:
        many.run(image, wanted)
    before = tasks()
    os.sched_setaffinity(0, {min(usable)})
    alone, _, result = executor(threads)
    alone.run(image, result)
    # No thread was started: it could only have taken turns with this one.
    assert tasks() == before
    np.testing.assert_array_equal(result, wanted)


def test_threads_on_one_processor_agree_with_one_thread(usable: set[int]) -> None:
    single, image, wanted = executor(1)
    single.run(image, wanted)
    before = tasks()
    double, _, result = executor(2)
    with double:
        double.run(image, result)
        # Those started with two processors now share one with this thread.
        for task in (0, *(tasks() - before)):
            os.sched_setaffinity(task, {min(usable)})
        for _ in range(300):
            result[...] = np.nan
            double.run(image, result)
            np.testing.assert_array_equal(result, wanted)
