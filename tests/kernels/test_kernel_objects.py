"""The compiled module itself: symbols, and no wide register in the baseline."""

import importlib
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import ROOT
from workbench.kernels import info

WIDE = re.compile(r"%[yz]mm\d+|%k[0-7]\b")
X86 = platform.machine() in ("x86_64", "AMD64")
needs_binutils = pytest.mark.skipif(
    shutil.which("objdump") is None and not os.environ.get("CI"),
    reason="objdump is missing: apt-get install binutils",
)


def disassemble(path: Path) -> dict[str, str]:
    """Return function name -> its instructions."""
    text = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", str(path)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    parts = re.split(r"^[0-9a-f]+ <(.+)>:$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@needs_binutils
@pytest.mark.skipif(
    not X86, reason="not x86-64: there are no YMM and ZMM registers to look for"
)
@pytest.mark.parametrize("folder", ["plain", "scalar"])
def test_no_wide_register_in_the_baseline(folder: str) -> None:
    objects = sorted((ROOT / "build" / "objects" / folder).rglob("*.o"))
    assert objects, "build first: python setup.py build_ext --inplace"
    for path in objects:
        for name, code in disassemble(path).items():
            assert WIDE.search(code) is None, f"{path.name}: {name}"


@needs_binutils
@pytest.mark.skipif(
    not X86, reason="not x86-64: there are no YMM and ZMM registers to look for"
)
def test_wide_builds_use_their_registers_and_avx2_no_more() -> None:
    objects = ROOT / "build" / "objects"
    avx512 = disassemble(objects / "avx512" / "conv_sparse.o")
    avx2 = disassemble(objects / "avx2" / "conv_sparse.o")
    assert "%zmm" in avx512["near_8"]
    assert "%ymm" in avx2["near_6"]
    assert all("%zmm" not in code for code in avx2.values())


def test_every_kernel_has_a_symbol_an_instruction_set() -> None:
    native = importlib.import_module("workbench.kernels._native")
    rows = native.kernel_symbols()
    names = [op for op, _ in rows]
    assert {"conv_sparse", "conv_dense", "depthwise", "pool"} <= set(names)
    assert len(set(names)) == len(names)
    for op, symbols in rows:
        for isa, symbol in zip(("scalar", "avx2", "avx512"), symbols, strict=True):
            assert re.fullmatch(rf"wb_f32_{op}_\d+x\d+__{isa}", symbol)


def test_info_names_the_compiler_and_orders_instruction_sets() -> None:
    found = info()
    order = ("numpy", "scalar", "avx2", "avx512")
    assert found.available == order[: len(found.available)]
    assert found.isa in found.available
    assert re.match(r"(gcc|clang) \d+", found.compiler)
