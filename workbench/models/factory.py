"""Python factories named on the command line: ``package.module:function``.

Importing one runs its code: such names come from the person at the keyboard, never
from an upload. Belongs here: importing and calling with clear errors.
"""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from workbench.errors import WorkbenchError


def import_factory(spec: str) -> Callable[..., Any]:
    """Return the callable that ``"package.module:function"`` names.

    Raises
    ------
    WorkbenchError
        If the module cannot be imported or has no such callable.
    """
    module_name, colon, attribute = spec.partition(":")
    if not (module_name and colon and attribute):
        raise WorkbenchError(
            f"model factory '{spec}'",
            "package.module:function",
            "Put a colon between the module and the function.",
        )
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        raise WorkbenchError(
            f"module '{module_name}' cannot be imported "
            f"({type(error).__name__}: {error})",
            "a module that Python finds and can run",
            "Start from its directory, or install its package.",
        ) from error
    found = getattr(module, attribute, None)
    if not callable(found):
        raise WorkbenchError(
            f"'{attribute}' in module '{module_name}'",
            "a function that returns an nn.Module",
            "Check the name after the colon.",
        )
    factory: Callable[..., Any] = found
    return factory


def call_factory(spec: str, options: Mapping[str, Any]) -> nn.Module:
    """Return the module that the factory makes with these keyword arguments.

    Raises
    ------
    WorkbenchError
        If the factory refuses the arguments, raises, or returns something else.
    """
    factory = import_factory(spec)
    try:
        module = factory(**options)
    except WorkbenchError:
        raise
    except TypeError as error:
        raise WorkbenchError(
            f"factory '{spec}' does not take these arguments ({error})",
            "a function that can be called with " + (", ".join(options) or "none"),
            "Give every parameter of the function a default value.",
        ) from error
    except (Exception, SystemExit) as error:
        raise WorkbenchError(
            f"factory '{spec}' raised {type(error).__name__}: {error}",
            "a function that returns an nn.Module",
            "Call it alone in Python to see where it fails.",
        ) from error
    if not isinstance(module, nn.Module):
        raise WorkbenchError(
            f"factory '{spec}' returns {type(module).__name__}",
            "an nn.Module",
            "Return the network itself.",
        )
    return module
