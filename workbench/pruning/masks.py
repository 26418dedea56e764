"""Masks as values: applying them, checking them, and their names in PyTorch.

Belongs here: masks by parameter name (True = keep) and PyTorch's ``weight_orig`` /
``weight_mask`` naming. Does not belong here: computing
masks (``methods/``) and reading that naming back (``models/weights_file``).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from workbench.errors import WorkbenchError

Masks = Mapping[str, torch.Tensor]


class MaskError(WorkbenchError):
    """A mask that does not fit its weight."""


def named_masks(module: nn.Module, masks: Masks) -> dict[str, torch.Tensor]:
    """Return masks by parameter name, as bool; layer ids are their weights.

    Raises
    ------
    MaskError
        A mask without its parameter, or of another shape.
    """
    parameters = dict(module.named_parameters(remove_duplicate=False))
    found = {}
    for name, mask in masks.items():
        own = name if name in parameters else f"{name}.weight"
        _check(name, mask, parameters.get(own))
        found[own] = mask.detach().bool()
    return found


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
    parameters = dict(module.named_parameters(remove_duplicate=False))
    for name, mask in masks.items():
        parameter = parameters.get(name)
        _check(name, mask, parameter)
        if parameter is not None:
            parameter.masked_fill_(~mask.to(parameter.device), 0.0)


def revived(module: nn.Module, masks: Masks) -> dict[str, int]:
    """Return how many masked entries are not zero, for parameters that have any."""
    parameters = dict(module.named_parameters(remove_duplicate=False))
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
