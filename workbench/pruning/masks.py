"""Masks as values: applying them, checking them, and their file forms.

Belongs here: masks by parameter name (True = keep), the safetensors file of masks and
PyTorch's ``weight_orig`` / ``weight_mask`` naming. Does not belong here: computing
masks (``methods/``) and reading that naming back (``models/weights_file``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from workbench.errors import WorkbenchError

Masks = Mapping[str, torch.Tensor]


class MaskError(WorkbenchError):
    """A mask that does not fit its weight, or a file that holds no masks."""


@torch.no_grad()
def apply_masks(module: nn.Module, masks: Masks) -> None:
    """Set the masked entries of ``module``'s parameters to exactly zero, in place.

    Parameters
    ----------
    module : nn.Module
        Owned by the caller; training calls this after every optimiser step.
    masks : mapping of str to torch.Tensor
        Parameter name ("conv1.weight") to bool tensor of its shape, True = keep.

    Raises
    ------
    MaskError
        A mask without its parameter, or of another shape.
    """
    parameters = dict(module.named_parameters())
    for name, mask in masks.items():
        parameter = parameters.get(name)
        _check(name, mask, parameter)
        if parameter is not None:
            parameter.masked_fill_(~mask.to(parameter.device), 0.0)


def revived(module: nn.Module, masks: Masks) -> dict[str, int]:
    """Return how many masked entries are not zero, for parameters that have any."""
    parameters = dict(module.named_parameters())
    found = {}
    for name, mask in masks.items():
        _check(name, mask, parameters.get(name))
        values = parameters[name].detach()
        alive = int(torch.count_nonzero(values[~mask.to(values.device)]))
        if alive:
            found[name] = alive
    return found


def _check(name: str, mask: torch.Tensor, parameter: torch.Tensor | None) -> None:
    if parameter is None:
        raise MaskError(
            f"a mask for '{name}', which the network does not have",
            "masks of this network's parameters",
            "Use the masks that were made for this network.",
        )
    if mask.shape != parameter.shape:
        raise MaskError(
            f"mask for '{name}' of shape {tuple(mask.shape)}",
            f"the parameter's shape {tuple(parameter.shape)}",
            "Rebuild the recipe for this checkpoint.",
        )


def save_masks(path: str | os.PathLike[str], masks: Masks) -> None:
    """Write masks to a safetensors file (bool, True = keep), then rename it there."""
    file = Path(path)
    beside = file.with_name(file.name + ".part")
    tensors = {f"{name}_mask": mask.contiguous() for name, mask in masks.items()}
    save_file(tensors, beside, metadata={"format": "pt", "content": "masks"})
    beside.replace(file)


def load_masks(path: str | os.PathLike[str]) -> dict[str, torch.Tensor]:
    """Return the masks of a file that ``save_masks`` wrote, by parameter name.

    Raises
    ------
    MaskError
        The file cannot be read, or holds something else.
    """
    try:
        tensors = load_file(Path(path))
    except (OSError, SafetensorError) as error:
        raise MaskError(
            f"file '{path}' that cannot be read ({error})",
            "a safetensors file of masks",
            "Save the masks again.",
        ) from None
    for name, tensor in tensors.items():
        if not name.endswith("_mask") or tensor.dtype != torch.bool:
            raise MaskError(
                f"tensor '{name}' of {tensor.dtype} in '{path}'",
                "bool tensors whose names end in '_mask'",
                "This file holds weights: load it as a model.",
            )
    return {name.removesuffix("_mask"): mask for name, mask in tensors.items()}


def to_torch_names(
    state: Mapping[str, torch.Tensor],
    masks: Masks,
    originals: Mapping[str, torch.Tensor] | None = None,
) -> dict[str, torch.Tensor]:
    """Return a state dict in PyTorch's pruning form.

    Each masked ``x.weight`` becomes ``x.weight_orig`` and ``x.weight_mask`` (float,
    1 = keep), as ``torch.nn.utils.prune`` writes and reads them; the effective weight
    is their product.

    Parameters
    ----------
    state : mapping
        The pruned module's state dict.
    masks : mapping
        By parameter name.
    originals : mapping, optional
        The dense state dict; gives the removed entries of ``_orig`` their old values.
    """
    out: dict[str, torch.Tensor] = {}
    for name, tensor in state.items():
        mask = masks.get(name)
        if mask is None:
            out[name] = tensor
            continue
        dense = tensor if originals is None else originals[name]
        out[f"{name}_orig"] = torch.where(mask, tensor, dense)
        out[f"{name}_mask"] = mask.to(tensor.dtype)
    return out
