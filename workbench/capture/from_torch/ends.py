"""What a module takes and returns: arguments by name, results without nesting.

Belongs here: tensors in tuples, lists, dicts and classes like them, and the names of a
forward pass. Does not belong here: tracing (``torch_export``).
"""

import dataclasses
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from workbench.engine.graph.signature import ONLY_INPUT, ONLY_OUTPUT, Structure
from workbench.errors import WorkbenchError

Given = torch.Tensor | Sequence[torch.Tensor] | Mapping[str, torch.Tensor]
"""Inputs: one tensor, several in order, or by the names of forward's parameters."""

SIMPLE = (bool, int, float, complex, str, bytes)


class ResultError(WorkbenchError):
    """A module that returns something in which no tensors are found."""


@dataclass
class Results:
    """The tensors that a module returns, and in what.

    Parameters
    ----------
    structure : {"tensor", "tuple", "list", "dict"}
        "dict" as well where tensors lie deeper than one level.
    tensors : mapping of str to torch.Tensor
        By key, by position ("0") or by path ("aux.0").
    """

    structure: Structure = "tensor"
    tensors: Mapping[str, torch.Tensor] = field(default_factory=dict)


def results_of(made: Any) -> Results:
    """Return the tensors of what a module returns; what is no tensor is left out.

    Parameters
    ----------
    made : torch.Tensor, tuple, list, mapping or dataclass
        Nested as deep as may be. Named tuples, data classes and Hugging Face's
        ``ModelOutput`` are mappings by their fields.

    Raises
    ------
    ResultError
        An object of another class, or no tensor at all.

    Examples
    --------
    >>> results_of({"out": torch.zeros(1), "aux": [torch.ones(1), None]}).tensors.keys()
    dict_keys(['out', 'aux.0'])
    """
    if isinstance(made, torch.Tensor):
        return Results("tensor", {ONLY_OUTPUT: made})
    found = dict(_leaves(made, ()))
    if not found:
        raise ResultError(
            f"a network that returns {type(made).__name__} without a tensor",
            "a tensor, or a tuple, list or dict of tensors",
            "Return what is computed from the image.",
        )
    deep = any(len(path) > 1 for path in found)
    tensors = {".".join(path): tensor for path, tensor in found.items()}
    if deep or _fields(made) is not None:
        return Results("dict", tensors)
    return Results("list" if isinstance(made, list) else "tuple", tensors)


def _leaves(
    made: Any, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], torch.Tensor]]:
    if isinstance(made, torch.Tensor):
        yield path, made
        return
    fields = _fields(made)
    if fields is None and isinstance(made, list | tuple):
        fields = {str(place): one for place, one in enumerate(made)}
    if fields is not None:
        for name, one in fields.items():
            yield from _leaves(one, (*path, str(name)))
    elif made is not None and not isinstance(made, SIMPLE):
        where = f" under {'.'.join(path)!r}" if path else ""
        raise ResultError(
            f"a network that returns {type(made).__name__}{where}",
            "a tensor, or a tuple, list or dict of tensors",
            "Wrap it in a module that returns the tensors that it computes.",
        )


def _fields(made: Any) -> Mapping[str, Any] | None:
    """Return what a mapping, a named tuple or a data class holds, by name."""
    if isinstance(made, Mapping):
        return made
    if isinstance(made, tuple) and hasattr(made, "_asdict"):
        named: Mapping[str, Any] = made._asdict()
        return named
    if dataclasses.is_dataclass(made) and not isinstance(made, type):
        return {f.name: getattr(made, f.name) for f in dataclasses.fields(made)}
    return None


class Watched:
    """Watches a module, which from then on returns a plain tuple of its tensors.

    Parameters
    ----------
    module : nn.Module
        A copy of one's own: it keeps the hook.
    """

    def __init__(self, module: nn.Module) -> None:
        self.results = Results()
        module.register_forward_hook(self._note)

    def _note(
        self, module: nn.Module, given: Any, made: Any
    ) -> tuple[torch.Tensor, ...]:
        self.results = results_of(made)
        return tuple(self.results.tensors.values())


def tensors_of(given: Given) -> tuple[torch.Tensor, ...]:
    """Return inputs in order."""
    if isinstance(given, torch.Tensor):
        return (given,)
    return tuple(given.values() if isinstance(given, Mapping) else given)


def input_names(module: nn.Module, given: Given) -> tuple[str, ...]:
    """Return a name for each input: the parameters of forward where they tell.

    Examples
    --------
    >>> input_names(nn.Bilinear(2, 2, 1), (torch.zeros(1, 2), torch.zeros(1, 2)))
    ('input1', 'input2')
    """
    if isinstance(given, Mapping):
        return tuple(given)
    count = len(tensors_of(given))
    if count == 1:
        return (ONLY_INPUT,)
    known = _parameters(module)[:count]
    return tuple(known) + tuple(f"input{i}" for i in range(len(known), count))


def arguments(
    module: nn.Module, given: Given
) -> tuple[tuple[torch.Tensor, ...], dict[str, torch.Tensor]]:
    """Return inputs as forward takes them: by position, or by name where that differs.

    Inputs whose names are no parameters of forward are passed by position.
    """
    if isinstance(given, Mapping):
        known = _parameters(module, by_name=True)
        if set(given) <= set(known) and list(given) != known[: len(given)]:
            return (), dict(given)
    return tensors_of(given), {}


def call(module: nn.Module, given: Given) -> Any:
    """Return what a module makes of its inputs."""
    args, kwargs = arguments(module, given)
    return module(*args, **kwargs)


def images_of(
    shapes: Mapping[str, tuple[int, ...]],
    count: int = 1,
    draw: torch.Generator | None = None,
) -> Given:
    """Return inputs of these shapes: zeros, or noise of a generator."""
    made = {
        name: torch.zeros(count, *shape)
        if draw is None
        else torch.randn(count, *shape, generator=draw)
        for name, shape in shapes.items()
    }
    return made if len(made) > 1 else next(iter(made.values()))


def _parameters(module: nn.Module, *, by_name: bool = False) -> list[str]:
    """Return the names of what forward takes by position, or by name as well."""
    try:
        parameters = inspect.signature(module.forward).parameters
    except (TypeError, ValueError):
        return []
    return [
        name
        for name, one in parameters.items()
        if one.kind is one.POSITIONAL_OR_KEYWORD
        or (by_name and one.kind is one.KEYWORD_ONLY)
    ]
