"""Generated code is sealed, bounded and freed, and holds the expected instructions."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench import kernels
from workbench.kernels import Activation, Placement, Step, Vectors
from workbench.kernels.steps import generated

capstone = pytest.importorskip("capstone")
native = pytest.importorskip("workbench.kernels._native")

MAPS = Path("/proc/self/maps")
ISAS = [isa for isa in kernels.info().available if isa in generated.CODED]
pytestmark = pytest.mark.skipif(
    not MAPS.exists() or not ISAS or not generated.available().available,
    reason="needs Linux and generated code",
)


def make(isa: str, rows: int = 64, columns: int = 256) -> Step:
    rng = np.random.default_rng(3)
    mask = rng.random((rows, columns)) < 0.3
    offsets = np.concatenate([np.flatnonzero(row) * 16 for row in mask])
    with kernels.forced_isa(isa):
        return generated.conv_generated(
            indptr=np.concatenate(([0], mask.sum(1).cumsum())).astype(np.int32),
            offsets=offsets.astype(np.int32),
            values=rng.standard_normal(offsets.size).astype(np.float32),
            bias=np.zeros(rows, np.float32),
            place=Placement(
                vectors=Vectors(
                    np.zeros(1, np.int64),
                    np.zeros((1, 1), np.int64),
                    np.full((1, 1), 0xFFFF, np.uint16),
                ),
                src=64,
                dst=8192,
                out_cs=16,
                act=Activation("relu"),
                arena_floats=1 << 14,
            ),
        )


def mappings() -> list[tuple[int, int, str]]:
    """Return start, end and protection of every mapping of this process."""
    pattern = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4})")
    found = [pattern.match(line) for line in MAPS.read_text().splitlines()]
    return [(int(m[1], 16), int(m[2], 16), m[3]) for m in found if m]


def writable_code() -> set[tuple[int, int]]:
    """Return the ranges that can be written and executed at once."""
    return {(a, b) for a, b, p in mappings() if "w" in p and "x" in p}


@pytest.mark.parametrize("isa", ISAS)
def test_code_is_readable_and_executable_but_never_writable(isa: str) -> None:
    before = writable_code()  # other libraries in the process may hold some
    step = make(isa)
    code = native.generated_code(step)
    held = [p for a, b, p in mappings() if a <= code.address < b]
    assert held == ["r-xp"]
    assert writable_code() <= before


@pytest.mark.parametrize("isa", ISAS)
def test_code_goes_away_with_its_step(isa: str) -> None:
    step = make(isa)
    address = native.generated_code(step).address
    del step
    assert not [p for a, b, p in mappings() if a <= address < b and "x" in p]


def resident() -> int:
    """Return resident bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.parametrize("isa", ISAS)
def test_making_and_freeing_leaves_nothing_behind(isa: str) -> None:
    for _ in range(20):
        make(isa)
    maps, memory = len(mappings()), resident()
    for _ in range(200):
        make(isa)
    assert len(mappings()) <= maps + 1
    assert resident() - memory < 4 << 20


def disassemble(step: Step) -> list[Any]:
    machine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    return list(machine.disasm(native.generated_code(step).code, 0))


@pytest.mark.parametrize("isa", ISAS)
def test_one_multiply_add_for_each_nonzero_and_half(isa: str) -> None:
    step = make(isa)
    halves = 2 if isa == "avx2" else 1
    found = [i for i in disassemble(step) if i.mnemonic == "vfmadd231ps"]
    assert len(found) == step.macs // 16 * halves


def test_each_input_vector_is_loaded_once_for_a_unit() -> None:
    if "avx512" not in ISAS:
        pytest.skip("this CPU has no AVX-512, whose code is disassembled here")
    step = make("avx512", rows=31, columns=200)
    loads = [i for i in disassemble(step) if i.op_str.startswith("zmm31, zmmword")]
    assert len(loads) == 200


@pytest.mark.parametrize("isa", ISAS)
def test_code_holds_no_call_and_returns(isa: str) -> None:
    names = {i.mnemonic for i in disassemble(make(isa))}
    assert "ret" in names
    assert not names & {"call", "jmp", "syscall", "int"}
    assert names <= {
        "add",
        "endbr64",
        "int3",
        "jne",
        "kmovw",
        "mov",
        "ret",
        "test",
        "vbroadcastss",
        "vfmadd231ps",
        "vmaxps",
        "vmovups",
        "vpxord",
        "vxorps",
        "vzeroupper",
    }
