"""One call of an ATen operation with its arguments by name.

Belongs here: binding a call to torch's schema. Does not belong here: what the call
becomes (``aten_ops``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from workbench.capture.arguments import refuse
from workbench.capture.builder import GraphBuilder, Value


@dataclass(frozen=True)
class Call:
    """One ATen call: every argument by the name it has in torch's schema.

    Parameters
    ----------
    name : str
        Of the operation: 'relu' for relu, relu_ and each of their overloads.
    given : mapping of str to value
        In order, defaults filled in; tensors are `Value` or constant.
    defaults : mapping of str to value
        What torch takes where nothing is given.
    made : value
        Torch's result without numbers: shapes and types.
    """

    name: str
    given: Mapping[str, Any]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    made: Any = None

    def __getitem__(self, name: str) -> Any:
        return self.given[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return an argument that not every overload has."""
        return self.given.get(name, default)

    def value(self, b: GraphBuilder, name: str = "") -> Value:
        """Return the tensor that is computed on: the first argument, or a named one."""
        name = name or next(iter(self.given))
        x = self.given[name]
        if isinstance(x, Value):
            return x
        kind = "a constant" if isinstance(x, torch.Tensor) else type(x).__name__
        raise refuse(b, f"{self.name} with {kind} as {name}")

    def constant(self, b: GraphBuilder, name: str) -> torch.Tensor | None:
        """Return a tensor argument that may not depend on the network's input."""
        x = self.given[name]
        if x is None or isinstance(x, torch.Tensor):
            return x
        raise refuse(b, f"{self.name} with a {name} that is computed")


def bind(
    target: torch._ops.OpOverload,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    made: Any = None,
) -> Call:
    """Return a call with all its arguments by name."""
    arguments = target._schema.arguments
    names = [a.name for a in arguments]
    defaults = {a.name: a.default_value for a in arguments if a.has_default_value()}
    passed = {**dict(zip(names, args, strict=False)), **kwargs}
    given = {name: passed.get(name, defaults.get(name)) for name in names}
    return Call(base_name(target), given, defaults, made)


def base_name(target: Any) -> str:
    """Return 'relu' for relu, relu_ and each of their overloads."""
    if isinstance(target, torch._ops.OpOverload):
        return target._schema.name.split("::")[1].removesuffix("_")
    return getattr(target, "__name__", str(target))
