"""Lets a package be called like the function it is named after.

The public API has `wb.measure(...)` and `wb.export(...)`, and the house has the
packages `measure/` and `export/`. Python binds a package to its parent's attribute
as soon as anything inside it is imported, so a function of the same name would
vanish at that moment. Calling the package itself works at any time
(docs/decisions/001-callable-packages.md).
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


def make_callable(package: str, function: str) -> None:
    """Make `package(...)` run `function`, imported at the first call.

    Parameters
    ----------
    package : str
        Qualified name of a package that is being imported, e.g. its `__name__`.
    function : str
        `module:name` of the function, e.g. `"workbench.measure.interleave:measure"`.
    """
    module_name, _, function_name = function.partition(":")

    class CallablePackage(ModuleType):
        """A package that forwards a call to its main function."""

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            """Run the package's main function."""
            return getattr(import_module(module_name), function_name)(*args, **kwargs)

    sys.modules[package].__class__ = CallablePackage
