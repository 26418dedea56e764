"""Modules that are refused before anything of theirs runs, and why one failed.

Belongs here: kinds of modules and of parameters. Does not belong here: operations
(``aten_ops``) and input shapes (`workbench.models`).
"""

import copy
from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter

from workbench.errors import WorkbenchError

WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel)
OTHER_DIMENSIONS = (
    nn.Conv1d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose3d,
    nn.BatchNorm1d,
    nn.BatchNorm3d,
    nn.MaxPool1d,
    nn.MaxPool3d,
)


class UnsuitableModule(WorkbenchError):
    """A module of a kind that the workbench does not read."""


def refuse_unsuitable(module: nn.Module) -> None:
    """Refuse a module that can be neither read nor pruned, by its name.

    Parameters
    ----------
    module : nn.Module
        Not changed and not run.

    Raises
    ------
    UnsuitableModule
        A scripted, wrapped, compiled, lazy or empty module, or one with complex
        parameters.
    """
    for name, part in module.named_modules():
        where = f"{name!r} is" if name else f"{type(module).__name__} is"
        if isinstance(part, torch.jit.ScriptModule):
            raise UnsuitableModule(
                f"{where} scripted or traced by torch.jit",
                "the nn.Module that it was made from",
                "Build the network in Python and load the weights: "
                "module.load_state_dict(scripted.state_dict()).",
            )
        if isinstance(part, WRAPPERS):
            raise UnsuitableModule(
                f"{where} wrapped in {type(part).__name__}",
                "the network itself",
                "Pass the attribute .module of the wrapper.",
            )
        if hasattr(part, "_orig_mod"):
            raise UnsuitableModule(
                f"{where} the result of torch.compile",
                "the network itself",
                "Pass the module that was given to torch.compile.",
            )
    for name, parameter in module.named_parameters():
        _refuse_parameter(name, parameter)


def _refuse_parameter(name: str, parameter: nn.Parameter) -> None:
    if isinstance(parameter, UninitializedParameter):
        raise UnsuitableModule(
            f"parameter {name!r} of a lazy layer that has not run yet",
            "parameters with shapes",
            "Run the network once on an image in torch.",
        )
    if parameter.is_meta:
        raise UnsuitableModule(
            f"parameter {name!r} is on the meta device and has no values",
            "parameters with numbers",
            "Load the weights: module.to_empty(device='cpu'), then load_state_dict.",
        )
    if parameter.is_complex():
        kind = str(parameter.dtype).removeprefix("torch.")
        raise UnsuitableModule(
            f"parameter {name!r} of type {kind}",
            "real numbers",
            "Split it into its real and its imaginary part.",
        )


def is_float32(module: nn.Module) -> bool:
    """Say whether all numbers of a module are float32 and on the CPU."""
    return not _others(module) and not _elsewhere(module)


def plain(module: nn.Module) -> nn.Module:
    """Return the module, or a copy in float32 on the CPU where it is another.

    Examples
    --------
    >>> layer = nn.Linear(2, 2)
    >>> plain(layer) is layer, plain(layer.half()).weight.dtype
    (True, torch.float32)
    """
    return module if is_float32(module) else copy.deepcopy(module).cpu().float()


def notes_on(module: nn.Module) -> tuple[str, ...]:
    """Return what a copy of a module for the workbench does not keep, in sentences."""
    notes = []
    others, places = _others(module), _elsewhere(module)
    if others:
        notes.append(
            f"numbers of type {' and '.join(others)}: a copy in float32 is taken, and "
            "results are compared in float32"
        )
    if places:
        notes.append(f"numbers on {' and '.join(places)}: a copy on the CPU is taken")
    if module.training:
        notes.append("handed over in training mode: a copy in evaluation mode is taken")
    return tuple(notes)


def _tensors(module: nn.Module) -> Iterator[torch.Tensor]:
    yield from module.parameters()
    yield from module.buffers()


def _others(module: nn.Module) -> list[str]:
    kinds = {
        str(tensor.dtype).removeprefix("torch.")
        for tensor in _tensors(module)
        if tensor.is_floating_point() and tensor.dtype != torch.float32
    }
    return sorted(kinds)


def _elsewhere(module: nn.Module) -> list[str]:
    kept = ("cpu", "meta")
    found = {t.device for t in _tensors(module) if t.device.type not in kept}
    return sorted(map(str, found))


def cause_of_failure(module: nn.Module) -> tuple[str, str]:
    """Return what may be why a module fails on an image, and what to do; or nothing."""
    for name, part in module.named_modules():
        if isinstance(part, OTHER_DIMENSIONS):
            kind = type(part).__name__
            return (
                f"layer {name!r} is a {kind}, which is not supported",
                "The workbench reads networks for images: Conv2d, BatchNorm2d, "
                "MaxPool2d and their like.",
            )
    return "", ""
