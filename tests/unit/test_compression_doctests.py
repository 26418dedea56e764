"""The examples in the docstrings of compression and the convolution algorithms."""

import doctest
import importlib
import pkgutil

import pytest

import workbench.compression

MODULES = [
    *(
        f"workbench.compression.{found.name}"
        for found in pkgutil.iter_modules(workbench.compression.__path__)
    ),
    *(
        f"workbench.analysis.{name}"
        for name in ("fft", "im2col", "layouts", "strassen", "winograd")
    ),
    "workbench.analysis.winograd_study",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = [
        test
        for name in MODULES
        for test in finder.find(importlib.import_module(name))
        if test.examples
    ]
    assert len(found) >= 15
