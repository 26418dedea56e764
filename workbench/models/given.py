"""What people pass where a network is expected.

Belongs here: the sentence that says what to pass instead. Does not belong here: making
networks (``inspect``, ``loading``).
"""

from pathlib import Path

from torch import nn

from workbench.errors import WorkbenchError


def require_network(given: object) -> None:
    """Refuse a bare module, a name or anything else that is not a network.

    Parameters
    ----------
    given : object
        A Network, PrunedNetwork or CompressedNetwork passes, and whatever else has
        their ``module`` and ``layers``.

    Raises
    ------
    WorkbenchError
        It is something else; says how to make a network of it.
    """
    kind = type(given).__name__
    if isinstance(given, nn.Module) and not hasattr(given, "layers"):
        raise WorkbenchError(
            f"a bare module ({kind})",
            "a network, which knows the shape of its images and its layers",
            "Wrap it: workbench.from_module(module, input_shape=(3, 224, 224)).",
        )
    if isinstance(given, str | Path):
        raise WorkbenchError(
            f"'{given}'",
            "a network, not its name",
            f"Load it first: workbench.load_model('{given}').",
        )
    if not (hasattr(given, "module") and hasattr(given, "layers")):
        raise WorkbenchError(
            f"a {kind}",
            "a Network, PrunedNetwork or CompressedNetwork",
            "Load one with workbench.load_model(name), or wrap a module with "
            "workbench.from_module(module, input_shape=(3, 224, 224)).",
        )


def module_of(given: object) -> nn.Module:
    """Return the module of a network, or the module that was given.

    Examples
    --------
    >>> module_of(nn.ReLU())
    ReLU()
    """
    if isinstance(given, nn.Module):
        return given
    require_network(given)
    module = getattr(given, "module", None)
    assert isinstance(module, nn.Module)
    return module
