"""Pruned networks whose masks were found while training.

Belongs here: making the value from masks, or from the zeros of a weights file. Does
not belong here: finding masks (the techniques) or one-shot pruning
(``workbench.pruning``).
"""

from __future__ import annotations

from torch import nn

from workbench.models.network import Network
from workbench.pruning.method import MaskSet
from workbench.pruning.pruned import PrunedNetwork
from workbench.pruning.recipe.assign import assign
from workbench.pruning.recipe.recipe import Recipe
from workbench.pruning.report import make_report


def with_masks(
    base: Network, module: nn.Module, *, found: MaskSet, recipe: Recipe
) -> PrunedNetwork:
    """Return the pruned network of these masks and weights.

    Parameters
    ----------
    base : Network
        The dense network.
    module : nn.Module
        Of the same architecture, removed weights zero; taken over without a copy.
    found : MaskSet
        Masks by layer id, other masks by parameter name, notes by layer id.
    recipe : Recipe
        What was asked; names the method of each layer in the report.

    Raises
    ------
    WorkbenchError
        A removed weight is not zero.
    """
    methods = {row.layer.id: row.method for row in assign(recipe, base)}
    report = make_report(base.layers, found.masks, methods=methods, notes=found.notes)
    empty = PrunedNetwork(
        base, module, found.masks, recipe, report, found.channel_masks
    )
    return empty.with_module(module)


def from_zeros(base: Network, network: Network) -> PrunedNetwork:
    """Return a network whose weights have zeros as a pruned one.

    Parameters
    ----------
    base : Network
        The dense network, for distillation and reports.
    network : Network
        Of the same architecture; its zeros become the masks. Layers without a zero
        stay dense.
    """
    masks = {}
    for layer in network.layers:
        mask = network.module.get_parameter(f"{layer.id}.weight").detach() != 0
        if not bool(mask.all()):
            masks[layer.id] = mask
    notes = dict.fromkeys(masks, "zeros of the weights file")
    return with_masks(
        base, network.module, found=MaskSet(masks, notes=notes), recipe=Recipe()
    )
