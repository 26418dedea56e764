"""Layers that share one tensor: ``a.weight is b.weight``.

Belongs here: finding them. Does not belong here: what a recipe then says of them
(``assign``), and the masks of one given to the others (``prune``).
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from workbench.models.network import Network


def owners(module: nn.Module) -> dict[int, tuple[str, ...]]:
    """Return the modules that hold each parameter, by the parameter's ``id``."""
    found: dict[int, tuple[str, ...]] = {}
    for name, part in module.named_modules():
        for parameter in dict(part.named_parameters(recurse=False)).values():
            found[id(parameter)] = (*found.get(id(parameter), ()), name)
    return found


def tied_layers(network: Network) -> Mapping[str, tuple[str, ...]]:
    """Return, for each layer that shares its weight, all layers that have it.

    In the network's order; layers with a weight of their own are absent.

    Examples
    --------
    >>> from workbench.models.inspect import from_module
    >>> net = nn.Sequential(nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, 1))
    >>> net[1].weight = net[0].weight
    >>> dict(tied_layers(from_module(net, input_shape=(2, 4, 4))))
    {'0': ('0', '1'), '1': ('0', '1')}
    """
    holders: dict[int, tuple[str, ...]] = {}
    for layer in network.layers:
        key = id(network.module.get_parameter(f"{layer.id}.weight"))
        holders[key] = (*holders.get(key, ()), layer.id)
    return {name: names for names in holders.values() if names[1:] for name in names}


def shared_with(network: Network, name: str) -> str | None:
    """Return another module that holds a parameter of the module ``name``, or None."""
    holders = owners(network.module)
    part = network.module.get_submodule(name)
    for parameter in part.parameters():
        for other in holders[id(parameter)]:
            if other != name and not other.startswith(f"{name}."):
                return other
    return None
