"""Builds workbench.kernels._native out of ext/: Cython once, kernels once an ISA.

Everything else about the package is in pyproject.toml. Objects are rebuilt when a file
that they include, or their command, changed. Adding a kernel = one line in KERNELS (or
PLAIN, when one build does for every instruction set).

Environment
-----------
WORKBENCH_SANITIZE : comma-separated sanitizers (address,undefined) for a checked build.
WORKBENCH_JOBS : compilers at once; the number of processors by default.
"""

import os
import platform
import shlex
import subprocess
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

EXT = Path("ext")
BUILD = Path("build")

# Compiled once for each instruction set, with WB_ISA_<NAME> defined.
KERNELS = [
    "kernels/conv_sparse/conv_sparse.c",
    "kernels/conv_sparse/conv_sparse_shift.c",
    "kernels/conv_gathered/conv_gathered.c",
    "kernels/conv_blocks/conv_blocks.c",
    "kernels/conv_dense/conv_dense.c",
    "kernels/conv_lanes/conv_lanes.c",
    "kernels/depthwise/depthwise.c",
    "kernels/linear/linear.c",
    "kernels/palette/palette.c",
    "kernels/pool/pool.c",
    "kernels/pointwise/pointwise.c",
    "kernels/transfer/transfer.c",
    "kernels/move/move.c",
    "kernels/views/views.c",
    "kernels/along/along.c",
    "kernels/products/products.c",
    "kernels/winograd/winograd.c",
    "kernels/peak/fma_peak.c",
    "simd/curves.c",
]

# Compiled once, for the baseline.
PLAIN = [
    "core/registry.c",
    "core/executor.c",
    "core/team.c",
    "kernels/conv_sparse/sparse_pack.c",
    "kernels/winograd/winograd_pack.c",
    "kernels/conv_dense/dense_tiles.c",
    "emit/encoder.c",
    "emit/memory.c",
    "emit/pack.c",
    "emit/weights_avx512.c",
    "emit/activate_avx512.c",
    "emit/columns_avx512.c",
    "emit/generate_avx512.c",
    "emit/generate_avx2.c",
    "emit/create.c",
    "emit/run.c",
]

AVX2 = ["-mavx2", "-mfma"]
AVX512 = [*AVX2, "-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq"]
COMMON = [
    "-std=gnu11",
    "-O3",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fvisibility=hidden",
    "-fPIC",
    "-pthread",
    "-MMD",
    "-Wall",
    "-Wextra",
]


def source_files() -> list[Path]:
    """Return every file of ext/ that a build reads, as the Makefile has them."""
    return sorted(p for p in EXT.rglob("*") if p.is_file() and p.suffix != ".md")


def instruction_sets() -> dict[str, list[str]]:
    """Return the compiler flags of each instruction set that this target can have."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return {"scalar": []}
    return {
        "scalar": ["-march=x86-64-v2"],
        "avx2": ["-march=x86-64-v2", *AVX2, "-DWB_ISA_AVX2"],
        "avx512": ["-march=x86-64-v2", *AVX512, "-DWB_ISA_AVX512"],
    }


def sanitizers() -> list[str]:
    """Return the flags of a checked build, which WORKBENCH_SANITIZE asks for."""
    names = os.environ.get("WORKBENCH_SANITIZE", "")
    if not names:
        return []
    return [
        f"-fsanitize={names}",
        "-fno-sanitize-recover=all",
        "-DWB_CHECKED",
        "-g1",
        "-O1",
    ]


def object_commands(folder: Path) -> dict[Path, list[str]]:
    """Return object file -> compiler command for everything that is not Cython.

    Objects lie in one folder an instruction set, hence names of sources are unique.
    """
    compiler = shlex.split(os.environ.get("CC", sysconfig.get_config_var("CC") or "cc"))
    baseline = instruction_sets()["scalar"]
    jobs = [(Path("plain"), baseline, PLAIN)]
    jobs += [(Path(isa), flags, KERNELS) for isa, flags in instruction_sets().items()]
    commands = {}
    for name, flags, sources in jobs:
        for source in sources:
            target = (folder / name / Path(source).name).with_suffix(".o")
            commands[target] = [
                *compiler,
                *COMMON,
                *flags,
                *sanitizers(),
                "-I",
                str(EXT),
                "-c",
                str(EXT / source),
                "-o",
                str(target),
            ]
    return commands


def is_fresh(target: Path) -> bool:
    """Return whether an object is newer than all that its compiler read for it."""
    listed = target.with_suffix(".d")
    if not target.exists() or not listed.exists():
        return False
    read = listed.read_text().replace("\\\n", " ").partition(":")[2].split()
    made = target.stat().st_mtime
    return all(Path(p).exists() and Path(p).stat().st_mtime <= made for p in read)


def build_objects(folder: Path) -> list[str]:
    """Compile what is out of date, in parallel, and return all object files."""

    def compile_one(target: Path, command: list[str]) -> None:
        note = target.with_suffix(".cmd")
        text = shlex.join(command)
        known = note.exists() and note.read_text() == text
        if not (known and is_fresh(target)):
            target.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(command, check=True)
            note.write_text(text)

    commands = object_commands(folder)
    workers = int(os.environ.get("WORKBENCH_JOBS", os.cpu_count() or 1))
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(compile_one, commands, commands.values()))
    return [str(target) for target in commands]


class BuildNative(build_ext):
    """build_ext that first compiles the kernels and hands the objects to the linker."""

    def build_extension(self, ext: Extension) -> None:
        """Compile the kernels, then let setuptools compile and link the face."""
        kind = "checked" if sanitizers() else "objects"
        ext.extra_objects = build_objects(BUILD / kind)
        super().build_extension(ext)


native = Extension(
    "workbench.kernels._native",
    ["ext/_native.pyx"],
    include_dirs=["ext"],
    depends=[str(p) for p in source_files()],
    extra_compile_args=["-O2", "-std=gnu11", *sanitizers()],
    extra_link_args=["-pthread", *sanitizers()],
)

setup(
    ext_modules=cythonize(
        [native],
        build_dir=str(BUILD / "cython"),
        include_path=[str(EXT)],
        compiler_directives={
            "boundscheck": False,
            "wraparound": False,
            "embedsignature": True,
        },
    ),
    cmdclass={"build_ext": BuildNative},
)
