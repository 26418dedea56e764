"""A module as torch exports it, whatever it takes and returns.

Belongs here: examples, the call of `torch.export`, and its failures in words. Does not
belong here: reading what was exported (``torch_export``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from workbench.capture.from_torch.aliases import without_aliases
from workbench.capture.from_torch.decompose import taken_apart
from workbench.capture.from_torch.ends import (
    Given,
    Watched,
    arguments,
    input_names,
    tensors_of,
)
from workbench.capture.from_torch.suitable import (
    cause_of_failure,
    plain,
    refuse_unsuitable,
)
from workbench.capture.from_torch.twin import twin
from workbench.engine.graph.signature import Signature
from workbench.errors import WorkbenchError


class CaptureError(WorkbenchError):
    """A module that cannot be read as one static graph."""


@dataclass(frozen=True)
class Exported:
    """A module as torch exports it.

    Parameters
    ----------
    program : torch.export.ExportedProgram
    signature : Signature
    first_names : mapping of str to str
        Further names of modules that stand in the network twice, to their first.
    """

    program: torch.export.ExportedProgram
    signature: Signature
    first_names: Mapping[str, str]


def export(module: nn.Module, example: Given) -> Exported:
    """Return torch's exported program of a module, and what goes in and comes out.

    The program takes its inputs in order and returns a plain tuple of tensors.

    Parameters
    ----------
    module : nn.Module
        Read in eval mode; not changed.
    example : torch.Tensor, or a sequence or mapping of them
        The first image of each is taken.

    Raises
    ------
    CaptureError
        Impossible examples, or a forward pass that cannot be exported.
    """
    refuse_unsuitable(module)
    module = plain(module)
    tensors = tensors_of(example)
    for tensor in tensors or (None,):
        _check_example(tensor)
    names = input_names(module, example)
    first = [tensor[:1].detach().cpu().float() for tensor in tensors]
    given: Given = first[0] if isinstance(example, torch.Tensor) else first
    if isinstance(example, Mapping):
        given = dict(zip(names, first, strict=True))
    args, kwargs = arguments(module, given)
    own = twin(module)
    watched = Watched(own)
    try:
        with torch.no_grad():
            program = torch.export.export(own, args, kwargs, strict=False)
            program = taken_apart(without_aliases(program))
    except WorkbenchError:
        raise
    # Whatever the module's own forward raises while it is traced.
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else ""
        cause, advice = cause_of_failure(module)
        raise CaptureError(
            f"{type(module).__name__} cannot be exported as one graph "
            f"({cause or reason or type(error).__name__})",
            "a forward pass without control flow that depends on the data",
            advice or "Run it in torch, or rewrite the branch with fixed structure.",
        ) from error
    results = watched.results
    outputs = tuple(results.tensors)
    signature = Signature(names, outputs, results.structure)
    return Exported(program, signature, _first_names(module))


def _first_names(module: nn.Module) -> dict[str, str]:
    """Return the first name of each module that has several, by the others."""
    first: dict[int, str] = {}
    found = {}
    for name, part in module.named_modules(remove_duplicate=False):
        if first.setdefault(id(part), name) != name:
            found[name] = first[id(part)]
    return found


def _check_example(example: Any) -> None:
    if not isinstance(example, torch.Tensor):
        found = f"an example of type {type(example).__name__}"
    elif not example.is_floating_point():
        found = f"an example of type {str(example.dtype).removeprefix('torch.')}"
    elif example.ndim < 2 or not example.numel():
        found = f"an example of shape {tuple(example.shape)}"
    else:
        return
    raise CaptureError(
        found,
        "a float32 tensor (1, C, H, W)",
        "Pass example=torch.zeros(1, 3, 224, 224), with the sizes of your network.",
    )
