"""A compiled module that is not there, of another Python, or of another version."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from workbench.kernels import KernelError, backend

RUN = "; run python setup.py build_ext --inplace"
SCRIPT = """
import importlib.abc, importlib.machinery, json, sys

class Loader(importlib.abc.Loader):
    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec({body!r}, module.__dict__)

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "workbench.kernels._native":
            return importlib.machinery.ModuleSpec(name, Loader())

sys.meta_path.insert(0, Finder())
from workbench.kernels import KernelError, info
from workbench.kernels.steps import generated
from workbench.measure.peers.ours import PEER

found = [info().isa, info().reason, generated.available().reason, PEER.available()]
found.append(generated.memory_refusal())
try:
    info.__globals__["os"].environ["WORKBENCH_ISA"] = "avx2"
    info()
except KernelError as error:
    found.append(str(error))
print(json.dumps(found))
"""


@pytest.mark.parametrize(
    ("body", "why"),
    [
        # What an old module asks of Python has moved, or has another name.
        (
            "import workbench.kernels.winograd_spec",
            "No module named 'workbench.kernels.winograd_spec'",
        ),
        (
            "from workbench.kernels.values.winograd_spec import Old",
            "cannot import name 'Old'",
        ),
        # What the loader says of a module of another C library.
        (
            "raise ImportError('undefined symbol: PyOld_New')",
            "undefined symbol: PyOld_New",
        ),
    ],
)
def test_a_module_of_another_version_is_not_called_missing(body: str, why: str) -> None:
    env = {name: text for name, text in os.environ.items() if name != "WORKBENCH_ISA"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(body=body)],
        capture_output=True,
        text=True,
        check=False,
        env=env,
    )
    assert (done.returncode, done.stderr) == (0, "")
    isa, reason, code, peer, memory, forced = json.loads(done.stdout)
    assert isa == "numpy"
    assert reason.startswith(
        f"the compiled kernels were built from another version ({why}"
    )
    assert reason.endswith(RUN)
    assert code == peer == reason
    assert memory == f"not tried: {reason}"
    assert forced == (
        "instruction set 'avx2' (WORKBENCH_ISA asks for it); expected one of numpy. "
        f"Unset WORKBENCH_ISA: {reason}."
    )


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ((), "the compiled kernels are missing"),
        (("_native.pyx", "_native.txt"), "the compiled kernels are missing"),
        (
            ("_native.cpython-39-x86_64-linux-gnu.so",),
            "the compiled kernels are of another Python "
            "(_native.cpython-39-x86_64-linux-gnu.so)",
        ),
        (
            ("_native.cp312-win_amd64.pyd",),
            "the compiled kernels are of another Python (_native.cp312-win_amd64.pyd)",
        ),
    ],
)
def test_a_module_that_this_python_cannot_see_is_named(
    files: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in files:
        (tmp_path / name).touch()
    monkeypatch.setattr(backend, "_FOLDER", tmp_path)
    name = "workbench.kernels._native"
    error = ModuleNotFoundError(f"No module named '{name}'", name=name)
    assert backend._absence(error) == said


def test_a_function_that_an_old_module_lacks_is_an_error_that_says_so() -> None:
    old = ModuleType("_native")
    old.move = lambda *_: "moved"  # type: ignore[attr-defined]
    native = backend.Compiled(old)
    assert native.move(1) == "moved"
    with pytest.raises(KernelError) as caught:
        backend.Native(native, "avx2").step("conv_next_year", None)
    assert str(caught.value) == (
        "compiled kernels without 'conv_next_year', built from another version; "
        "expected those of this version. Run python setup.py build_ext --inplace."
    )
