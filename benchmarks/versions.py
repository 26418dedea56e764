"""Two states of the engine in turns, on the same weights.

    python -m benchmarks.versions ../before --rows vgg16-cifar10:0.9,resnet50-224:dense

`../before` is another checkout, built. Each checkout compiles the rows of
benchmarks.peers in a process of its own, with its own kernels, and is tuned for itself;
then both take turns of a few milliseconds. Outputs are compared first. Prints before
over after: above 1 this checkout is faster.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.peer_rows import ROWS
from workbench.measure.statistics import ratio, summarise

HERE = Path(__file__).resolve().parents[1]
ROUNDS = 60
TURN_MS = 8.0
TOLERANCE = 1e-4
# Runs in each checkout. Every line of input is a number of calls.
_WORKER = """
import json, os, sys, time
import numpy as np
import workbench as wb
from benchmarks.peer_rows import load, weights_of

name, kind, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
net = load(name)
program = wb.compile(weights_of(net, kind), threads=threads)
x = np.random.default_rng(5).random((1, *net.input_shape), dtype=np.float32)
print(json.dumps([wb.__file__, program(x).ravel().tolist()]), flush=True)
for line in sys.stdin:
    program(x)
    start = time.perf_counter()
    for _ in range(int(line)):
        program(x)
    print(1e3 * (time.perf_counter() - start) / int(line), flush=True)
"""


class Contender:
    """One checkout with one row, waiting for its turns."""

    def __init__(self, tree: Path, key: str, threads: int) -> None:
        network, kind = key.split(":")
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WORKER, network, kind, str(threads)],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        found, output = json.loads(self._answer())
        if not Path(found).is_relative_to(tree):
            raise SystemExit(f"{tree} ran {found}: it is no checkout of its own")
        self.output = np.array(output)

    def turn(self, calls: int) -> float:
        """Return the mean ms of some calls."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{calls}\n")
        self._process.stdin.flush()
        return float(self._answer())

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("A checkout ended early; its message is above.")
        return line


def main() -> None:
    """Print one line a row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", type=Path, help="another checkout, built")
    parser.add_argument("--rows", default=",".join(row.key for row in ROWS))
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    print("| row | threads | before: median (p10-p90) ms | after | ratio (95 %) | |")
    print("|---|---|---|---|---|---|", flush=True)
    for key in options.rows.split(","):
        for threads in options.threads:
            compare(options.before.resolve(), key, threads, options.rounds)


def compare(before: Path, key: str, threads: int, rounds: int) -> None:
    """Print one row."""
    both = []
    try:
        for tree in (before, HERE):
            both.append(Contender(tree, key, threads))
        error = np.abs(both[0].output - both[1].output).max()
        if not error <= TOLERANCE * np.abs(both[0].output).max():
            raise SystemExit(f"{key}: outputs differ by {error:.2g}; nothing is timed.")
        calls = [max(1, round(TURN_MS / one.turn(1))) for one in both]
        times = np.array(
            [
                [both[i].turn(calls[i]) for i in order][:: 1 if order[0] == 0 else -1]
                for order in [(0, 1), (1, 0)] * (rounds // 2)
            ]
        )
    finally:
        for one in both:
            one.stop()
    spreads = [summarise(column) for column in times.T]
    shown = [f"{s.median_ms:.3g} ({s.p10_ms:.3g}-{s.p90_ms:.3g})" for s in spreads]
    found = ratio(times[:, 0], times[:, 1])
    print(
        f"| {key} | {threads} | {' | '.join(shown)} "
        f"| {found.value:.2f} ({found.lo:.2f}-{found.hi:.2f}) | {found.verdict} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
