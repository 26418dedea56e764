"""A `.wbp` that changes while a program of it lives, in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.nets import make
from workbench.capture.compile import compile

# Prints the results before and after, and what asking for weights says.
PROBE = """
import os, shutil, sys
import numpy as np
from workbench.engine.program import Program
from workbench.errors import WorkbenchError

path, other, how = sys.argv[1:]
program = Program.load(path)
x = np.ones((1, *program.input_shape), np.float32)
before = program(x)
if how == "overwritten":
    shutil.copyfile(other, path)
elif how == "cut":
    os.truncate(path, 100)
elif how == "emptied":
    open(path, "wb").close()
elif how == "replaced":
    shutil.copyfile(other, path + ".new")
    os.replace(path + ".new", path)
elif how == "deleted":
    os.remove(path)
print(np.array_equal(program(x), before))
node = next(n for n in program.graph if n.op == "conv2d")
try:
    print(node.params["weight"].shape == node.params.outlines()["weight"].shape)
    program.save(path + ".again")
    print(np.array_equal(Program.load(path + ".again")(x), before))
except WorkbenchError as error:
    print(error.found)
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("alive")
    for name, sparsity in (("net", 0.8), ("other", 0.5)):
        module, x = make("resnet", sparsity)
        compile(module, example=x, tune="model").save(folder / f"{name}.wbp")
    return folder / "net.wbp", folder / "other.wbp"


def shown(files: tuple[Path, Path], tmp_path: Path, how: str) -> list[str]:
    path = tmp_path / "net.wbp"
    path.write_bytes(files[0].read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(path), str(files[1]), how],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.mark.parametrize("how", ["overwritten", "cut", "emptied"])
def test_a_file_that_changes_in_place_takes_nothing_from_a_program(
    files: tuple[Path, Path], tmp_path: Path, how: str
) -> None:
    same, said = shown(files, tmp_path, how)
    assert same == "True"
    assert said.startswith("net.wbp changed since it was written (section at ")


@pytest.mark.parametrize("how", ["replaced", "deleted", "left alone"])
def test_a_file_that_is_replaced_stays_readable(
    files: tuple[Path, Path], tmp_path: Path, how: str
) -> None:
    assert shown(files, tmp_path, how) == ["True", "True", "True"]
