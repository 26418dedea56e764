"""C programs beside this file that test what Python cannot reach."""

import os
import shlex
import subprocess
import sysconfig
from pathlib import Path

from tests.support import ROOT

SOURCES = ROOT / "ext"


def run_harness(name: str, folder: Path) -> str:
    """Compile a program of this folder into another one and return what it printed.

    Neither may write an error, and the program must end with 0.
    """
    program = folder / name
    compiler = shlex.split(os.environ.get("CC", sysconfig.get_config_var("CC") or "cc"))
    flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-pthread", "-I", str(SOURCES)]
    source = Path(__file__).with_name(f"{name}.c")
    built = subprocess.run(
        [*compiler, *flags, str(source), "-o", str(program)],
        capture_output=True,
        text=True,
    )
    assert built.stderr == ""
    ran = subprocess.run([program], capture_output=True, text=True, timeout=120)
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout
