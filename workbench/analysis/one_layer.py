"""One layer taken out of its network, and pruned alone.

Belongs here: the network of one layer, weights and all, on inputs of the shape it has
there. Does not belong here: what is measured of it (``workflows.break_even``).
"""

from __future__ import annotations

import copy
from collections import OrderedDict

import torch
from torch import nn

from workbench.analysis.sensitivity.grid import GROUPED, parse_method
from workbench.errors import WorkbenchError
from workbench.models.inspect import from_module
from workbench.models.network import Network
from workbench.pruning.prune import prune
from workbench.pruning.pruned import PrunedNetwork
from workbench.pruning.recipe.recipe import Recipe
from workbench.pruning.recipe.rule import method_named

LAYER = "layer"
"""Id of the layer in its network of one."""


def alone(network: Network, layer_id: str) -> Network:
    """Return a network of one layer of another; the mean over pixels follows it.

    Raises
    ------
    WorkbenchError
        No such layer.
    """
    layer = network.layer(layer_id)
    module = copy.deepcopy(network.module.get_submodule(layer_id))
    shape = layer.input_shape
    if len(shape) == 3:
        mean = {"mean": nn.AdaptiveAvgPool2d(1), "flat": nn.Flatten(1)}
        return _network({LAYER: module, **mean}, (shape[0], shape[1], shape[2]))
    # A linear layer reads features: as an image of one pixel, flattened.
    return _network({"flat": nn.Flatten(), LAYER: module}, (shape[0], 1, 1))


def prune_alone(
    only: Network, method: str, sparsity: float
) -> tuple[Network | PrunedNetwork, int]:
    """Return the network of one layer pruned, and how many weights are left.

    Parameters
    ----------
    only : Network
        From ``alone``.
    method : str
        As "block:n=8"; methods that remove filters make the layer physically smaller.
    sparsity : float
        0 < sparsity < 1.

    Raises
    ------
    WorkbenchError
        A method that cannot prune the layer so far, or at all.
    """
    name, params = parse_method(method)
    if method_named(name).granularity in GROUPED:
        return _fewer_filters(only, sparsity)
    pruned = prune(only, Recipe.uniform(name, sparsity, match=LAYER, **params))
    return pruned, pruned.report.weights - pruned.report.zeros


def _network(parts: dict[str, nn.Module], shape: tuple[int, int, int]) -> Network:
    module = nn.Sequential(OrderedDict(parts)).eval()
    return from_module(module, input_shape=shape, name="one layer")


def _fewer_filters(only: Network, sparsity: float) -> tuple[Network, int]:
    """Return the layer with its weakest filters gone (L1 norm), physically smaller."""
    module = only.module.get_submodule(LAYER)
    weight = only.module.get_parameter(f"{LAYER}.weight").detach()
    if only.layer(LAYER).groups > 1:
        raise WorkbenchError(
            "a grouped layer", "filters that all read the same input", "Skip 'filter'."
        )
    kept = max(1, len(weight) - round(sparsity * len(weight)))
    strongest = weight.abs().flatten(1).sum(dim=1).topk(kept).indices.sort().values
    small = copy.deepcopy(module)
    small.weight = nn.Parameter(weight[strongest].clone())
    if isinstance(module.bias, torch.Tensor):
        small.bias = nn.Parameter(module.bias.detach()[strongest].clone())
    for attribute in ("out_channels", "out_features"):
        if hasattr(small, attribute):
            setattr(small, attribute, kept)
    parts = {**dict(only.module.named_children()), LAYER: small}
    return _network(parts, only.input_shape), kept * weight[0].numel()
