"""The examples in the docstrings of the whole tree are true."""

import doctest
import importlib

import pytest

from tests.support import ROOT

MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for package in ("workbench", "sample_models")
    for path in (ROOT / package).rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0


def test_modules_of_every_kind_were_found() -> None:
    assert len(MODULES) >= 100
    assert {"workbench.ui.format", "workbench.pruning.recipe.recipe"} <= set(MODULES)
