"""The examples in the docstrings of pruning, analysis and training are true."""

import doctest
import importlib
import pkgutil

import pytest

import workbench.pruning
import workbench.pruning.criteria
import workbench.pruning.methods
import workbench.training

MODULES = [
    *(
        f"{package.__name__}.{found.name}"
        for package in (
            workbench.pruning,
            workbench.pruning.criteria,
            workbench.pruning.methods,
            workbench.training,
        )
        for found in pkgutil.iter_modules(package.__path__)
    ),
    "workbench.analysis.accuracy",
    "workbench.analysis.complexity",
    "workbench.analysis.patterns",
    "workbench.cli.training",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples() -> None:
    found = [
        test
        for name in MODULES
        for test in doctest.DocTestFinder(exclude_empty=True).find(
            importlib.import_module(name)
        )
        if test.examples
    ]
    assert len(found) >= 15
