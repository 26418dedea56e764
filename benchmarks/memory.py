"""What a program costs to load and to hold: time of `.wbp`, peak memory of a process.

    python -m benchmarks.memory [--networks resnet50-224] [--sparsities 0,0.9]

A fresh process loads the file and runs it once; the median of several such processes.
Peak memory is the high-water mark of its resident set less that of a process that has
only imported the same modules; it is compared with the parameters as float32 (dense or
as stored, whichever the row says) and the activation arena.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import workbench as wb
from workbench.engine.report import weights_bytes

MIB = 2**20
PROBE = """
import json, sys, time
import numpy as np
from workbench.engine.program import Program

def peak():
    with open("/proc/self/status") as status:
        line = next(text for text in status if text.startswith("VmHWM"))
    return int(line.split()[1]) * 1024

base = peak()
start = time.perf_counter()
program = Program.load(sys.argv[1], threads=1)
loaded = time.perf_counter()
after_load = peak()
result = program(np.zeros((1, *program.input_shape), np.float32))
done = time.perf_counter()
print(json.dumps({
    "load_s": loaded - start,
    "first_s": done - loaded,
    "load_bytes": after_load - base,
    "peak_bytes": peak() - base,
    "arena_bytes": program.arena_bytes,
    "finite": bool(np.isfinite(result).all()),
}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", default="resnet50-224,mobilenetv1-224")
    parser.add_argument("--sparsities", default="0,0.9")
    parser.add_argument("--processes", type=int, default=5)
    parser.add_argument("--tune", choices=("measure", "model"), default="measure")
    options = parser.parse_args()
    print("| network | sparsity | file MiB | load s | weights + arena MiB | ratio |")
    print("|---" * 6 + "|", flush=True)
    for name in options.networks.split(","):
        network = wb.load_model(name)
        for text in options.sparsities.split(","):
            sparsity = float(text)
            recipe = wb.Recipe.uniform("magnitude", sparsity)
            chosen = wb.prune(network, recipe) if sparsity else network
            program = wb.compile(chosen, threads=1, tune=options.tune)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "program.wbp"
                program.save(path)
                size = path.stat().st_size
                runs = [probe(path) for _ in range(options.processes)]
            row(name, sparsity, size, weights_bytes(program.graph), runs)


def probe(path: Path) -> dict[str, float]:
    command = [sys.executable, "-c", PROBE, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def row(
    name: str, sparsity: float, size: int, weights: int, runs: list[dict[str, float]]
) -> None:
    middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    loads = sorted(run["load_s"] for run in runs)
    held = weights + middle["arena_bytes"]
    cells = (
        name,
        f"{sparsity:g}",
        f"{size / MIB:.1f}",
        f"{middle['load_s']:.3f} ({loads[0]:.3f}-{loads[-1]:.3f})",
        f"{weights / MIB:.1f} + {middle['arena_bytes'] / MIB:.1f}",
        f"{middle['peak_bytes'] / MIB:.1f} MiB = {middle['peak_bytes'] / held:.2f}",
    )
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
