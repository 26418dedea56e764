"""Code of the user's own may raise anything: it is named as the cause, never ours."""

import sys
from pathlib import Path

import pytest

import workbench as wb
from tests.support.shell import Shell
from workbench.errors import WorkbenchError

OWN = """
from torch import nn

def raises():
    raise KeyError("no such width")

def ends():
    raise SystemExit(7)

class Net(nn.Module):
    def __init__(self, error):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.error = error

    def forward(self, x):
        raise self.error

def key(): return Net(KeyError("in forward"))
def own(): return Net(type("Odd", (Exception,), {})())
def wrong(): return Net(AssertionError())
def value(): return Net(ValueError("a bad value"))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("own_networks", "own_import"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "own_networks.py").write_text(OWN)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("raises", "raised KeyError: 'no such width'"),
        ("ends", "raised SystemExit: 7"),
        ("key", "fails on an image of shape (3, 8, 8): KeyError: 'in forward'"),
        ("own", "fails on an image of shape (3, 8, 8): Odd"),
        ("wrong", "fails on an image of shape (3, 8, 8): AssertionError"),
        ("value", "fails on an image of shape (3, 8, 8): a bad value"),
    ],
)
def test_a_factory_is_named(folder: Path, name: str, said: str) -> None:
    with pytest.raises(WorkbenchError) as met:
        wb.load_model(f"own_networks:{name}", input_shape=(3, 8, 8))
    assert said in met.value.found


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(4)", "SystemExit: 4"),
        ("input()", "EOFError"),
        ("import no_such_package", "ModuleNotFoundError: No module named"),
        ("this is no Python", "SyntaxError"),
    ],
)
def test_a_module_that_cannot_be_imported_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    (folder / "own_import.py").write_text(code)
    monkeypatch.setattr(sys, "stdin", open("/dev/null"))  # noqa: SIM115
    with pytest.raises(WorkbenchError) as met:
        wb.load_model("own_import:make", input_shape=(3, 8, 8))
    assert f"module 'own_import' cannot be imported ({said}" in met.value.found


def test_numbers_beyond_the_machine(shell: Shell) -> None:
    assert shell.json("runs", "list", "--limit", 10**30)["runs"] == []
    code, _, err = shell.run("compress", "lenet5-mnist5k", "-o", "x", "--seed", -1)
    assert code == 2
    assert "--seed" in err
