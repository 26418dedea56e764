"""Peak memory of a loaded program, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import workbench as wb
from workbench.engine.program import Program
from workbench.engine.report import weights_bytes

# VmHWM is the process's own peak; ru_maxrss would begin with the parent's.
PROBE = """
import json, sys
import numpy as np
from workbench.engine.program import Program

def memory(name):
    with open("/proc/self/status") as file:
        return next(int(s.split()[1]) * 1024 for s in file if s.startswith(name))

before = memory("VmRSS")
program = Program.load(sys.argv[1])
program(np.zeros((1, *program.input_shape), np.float32))
print(json.dumps([memory("VmHWM") - before, program.arena_bytes]))
"""
# With plans of the cost model (docs/decisions/090); imported modules and pages that the
# allocator keeps are some 15 MiB of each.
MOST = {"dense": 2.0, "pruned": 0.9}
torch.set_num_threads(1)


def growth(path: Path) -> tuple[int, int]:
    """Return the peak growth and the arena of a fresh process, in bytes."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    peak, arena = json.loads(done.stdout)
    return peak, arena


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("kind", list(MOST))
def test_a_program_holds_its_weights_once(kind: str, tmp_path: Path) -> None:
    network = wb.load_model("resnet50-224")
    recipe = wb.Recipe.uniform("magnitude", 0.9)
    chosen = network if kind == "dense" else wb.prune(network, recipe)
    program: Program = wb.compile(chosen, threads=1, tune="model")
    weights = weights_bytes(program.graph)
    assert 95 << 20 < weights < 105 << 20
    program.save(tmp_path / "net.wbp")
    peak, arena = growth(tmp_path / "net.wbp")
    assert peak < MOST[kind] * (weights + arena)
