"""The public names exist, are lazy, and survive imports of their packages."""

import subprocess
import sys

import pytest

import workbench as wb

pytestmark = pytest.mark.smoke


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_import_is_cheap() -> None:
    code = "import sys, workbench; print('torch' in sys.modules)"
    assert run(code) == "False"


def test_every_public_name_resolves() -> None:
    missing = [name for name in wb.__all__ if getattr(wb, name, None) is None]
    assert missing == []


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = wb.nonsense


@pytest.mark.parametrize("name", ["measure", "export"])
def test_package_stays_callable_after_its_submodules_load(name: str) -> None:
    code = (
        f"import workbench as wb, importlib; before = callable(wb.{name});"
        f"importlib.import_module('workbench.{name}');"
        f"print(before, callable(wb.{name}))"
    )
    assert run(code) == "True True"
