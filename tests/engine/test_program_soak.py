"""Programs over many runs and threads: equal bits, bounded memory, quiet when idle."""

import os
import threading
import time

import numpy as np
import psutil
import torch

from workbench.engine.compile import compile_graph
from workbench.engine.graph.graph import Graph, Node
from workbench.engine.program import Program

CHECKED_BUILD = "libasan" in os.environ.get("LD_PRELOAD", "")
RUNS = 1_000 if CHECKED_BUILD else 10_000
CALLERS = 4
# The allocator may round up and keep pages; a leak of one small result a run (40 bytes)
# or of one image a hundred runs would show.
GROWTH_BYTES = (64 << 20) if CHECKED_BUILD else 3 << 20
"""A checked build keeps what was freed for a while, to catch uses of it."""

# Other parts of the process start or end a thread now and then; a leak shows as more.
GROWTH_THREADS = 8
torch.set_num_threads(1)


def network(seed: int) -> Graph:
    """Return two sparse convolutions, a pool and a classifier over 4 x 8 x 8."""
    rng = np.random.default_rng(seed)

    def layer(name, op, source, shape, size, **attrs):
        weight = rng.standard_normal(size, dtype=np.float32)
        weight *= rng.random(size) < 0.3
        params = {"weight": weight, "bias": np.ones(size[0], np.float32)}
        return Node(name, op, (source,), shape, attrs, params)

    act, pad = ("relu", 0.0, 0.0), (1, 1, 1, 1)
    return Graph(
        "soak",
        (
            Node("input", "input", (), (4, 8, 8), {"shape": (4, 8, 8)}),
            layer("a", "conv2d", "input", (16, 8, 8), (16, 4, 3, 3), padding=pad),
            layer("b", "conv2d", "a", (24, 8, 8), (24, 16, 1, 1), act=act),
            Node("pool", "global_avg_pool", ("b",), (24,), {"rank": 1}),
            layer("fc", "linear", "pool", (10,), (10, 24)),
        ),
        "fc",
    )


def program(seed: int, threads: int) -> Program:
    return compile_graph(network(seed), tune="model", threads=threads)


def soak(programs: list[Program], image: np.ndarray, runs: int) -> list[int]:
    """Run each program from several threads; return the turns that differed."""
    wanted = [p(image) for p in programs]
    wrong: list[int] = []

    def work(number: int) -> None:
        chosen = number % len(programs)
        for turn in range(runs // CALLERS):
            result = programs[chosen](image)
            if not np.array_equal(result, wanted[chosen]):
                wrong.append(turn)

    callers = [threading.Thread(target=work, args=(n,)) for n in range(CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    return wrong


def test_ten_thousand_runs_neither_grow_nor_differ() -> None:
    image = np.random.default_rng(0).standard_normal((1, 4, 8, 8)).astype(np.float32)
    programs = [program(1, threads=1), program(2, threads=2)]
    process = psutil.Process()
    assert soak(programs, image, RUNS // 10) == []
    before, threads = process.memory_info().rss, process.num_threads()
    assert soak(programs, image, RUNS) == []
    assert process.memory_info().rss - before < GROWTH_BYTES
    assert abs(process.num_threads() - threads) < GROWTH_THREADS
    for each in programs:
        each.close()


def test_programs_made_and_dropped_leave_no_thread_or_memory() -> None:
    image = np.zeros((1, 4, 8, 8), np.float32)
    process = psutil.Process()

    def turn(count: int) -> None:
        for _ in range(count):
            program(3, threads=2)(image)

    turn(20)
    before, threads = process.memory_info().rss, process.num_threads()
    turn(200)
    assert process.num_threads() - threads < GROWTH_THREADS
    assert process.memory_info().rss - before < GROWTH_BYTES


def test_an_idle_pool_uses_no_processor_time() -> None:
    image = np.zeros((1, 4, 8, 8), np.float32)
    several = [program(n, threads=3) for n in range(3)]
    for each in several:
        each(image)
    used = time.process_time()
    time.sleep(0.5)
    # Six threads that spun would use 0.5 s of each core; they wait for 50 us at most.
    assert time.process_time() - used < 0.05
    for each in several:
        each.close()


def test_waiting_threads_leave_the_cores_to_torch() -> None:
    image = np.zeros((1, 4, 8, 8), np.float32)
    mine = program(4, threads=3)
    square = torch.ones(200, 200)
    others = 0.0
    for _ in range(10):
        mine(image)
        time.sleep(0.001)
        all_before, own_before = time.process_time(), time.thread_time()
        for _ in range(20):
            square @ square
        spent = time.thread_time() - own_before
        others += time.process_time() - all_before - spent
    # While torch computes in this thread, the pool's threads sleep.
    assert others < 0.02
    mine.close()


def test_torch_and_programs_in_turns_give_the_same_bits() -> None:
    image = np.random.default_rng(1).standard_normal((1, 4, 8, 8)).astype(np.float32)
    mine = program(5, threads=2)
    wanted, square = mine(image), torch.ones(64, 64)
    torch.set_num_threads(2)
    try:
        for _ in range(200):
            assert float((square @ square)[0, 0]) == 64.0
            np.testing.assert_array_equal(mine(image), wanted)
    finally:
        torch.set_num_threads(1)
    mine.close()
