"""What a saved program costs: file, load time, memory; each in a fresh process.

    python -m benchmarks.footprint [--networks resnet50-224] [--weights dense,0.9]

The process loads the `.wbp` with numpy alone and runs one image. Growth is its peak
resident memory less what it had before loading; it is compared with the dense float32
weights and the activations' arena together.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import workbench as wb
from benchmarks.peer_rows import load, weights_of
from workbench.engine.report import weights_bytes

LOADS = 5
MIB = 2**20
# Runs in the fresh process. VmHWM is its own peak; ru_maxrss would be the parent's.
_PROBE = """
import json, sys, time
import numpy as np
from workbench.engine.program import Program

def memory(name):
    with open("/proc/self/status") as file:
        return next(int(s.split()[1]) * 1024 for s in file if s.startswith(name))

before = memory("VmRSS")
start = time.perf_counter()
program = Program.load(sys.argv[1])
loaded_s = time.perf_counter() - start
x = np.zeros((1, *program.input_shape), np.float32)
start = time.perf_counter()
program(x)
first_s = time.perf_counter() - start
growth = memory("VmHWM") - before
print(json.dumps({
    "load_s": loaded_s, "first_s": first_s, "growth": growth,
    "arena": program.arena_bytes, "torch": "torch" in sys.modules,
}))
"""


def main() -> None:
    """Print one row a network and kind of weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", default="mobilenetv1-224,resnet50-224")
    parser.add_argument("--weights", default="dense,0.9")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--budget", type=float, default=20.0)
    options = parser.parse_args()
    print(
        "| network, weights | file MiB | load s: median (min-max) | first run ms | "
        "growth MiB | weights + arena MiB | growth over that |"
    )
    print("|---" * 7 + "|", flush=True)
    for name in options.networks.split(","):
        network = load(name)
        for kind in options.weights.split(","):
            program = wb.compile(
                weights_of(network, kind),
                threads=options.threads,
                budget=options.budget,
            )
            print_row(f"{name} {kind}", program)


def print_row(title: str, program: Any) -> None:
    """Print what a program costs in fresh processes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net.wbp")
        program.save(path)
        found = [probe(path) for _ in range(LOADS)]
        size = path.stat().st_size
    assert not any(one["torch"] for one in found), "the probe imported torch"
    loads = sorted(one["load_s"] for one in found)
    growth = statistics.median(one["growth"] for one in found)
    together = weights_bytes(program.graph) + found[0]["arena"]
    first_ms = statistics.median(one["first_s"] for one in found) * 1e3
    cells = [
        title,
        f"{size / MIB:.1f}",
        f"{statistics.median(loads):.3f} ({loads[0]:.3f}-{loads[-1]:.3f})",
        f"{first_ms:.1f}",
        f"{growth / MIB:.1f}",
        f"{together / MIB:.1f}",
        f"{growth / together:.2f}",
    ]
    print("| " + " | ".join(cells) + " |", flush=True)


def probe(path: Path) -> dict[str, Any]:
    """Return what a fresh process saw."""
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
