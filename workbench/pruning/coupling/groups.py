"""The coupling groups of a network.

Belongs here: the walk, its groups, and what blocks them
(docs/decisions/370-labels-beside-the-tensors.md). Does not belong here: choosing
channels (``channels``) or cutting them out (``shrink``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from workbench.models.network import Network
from workbench.pruning.computed import computed_weights
from workbench.pruning.coupling.book import Book
from workbench.pruning.coupling.running import ERRORS, Images, smallest_images
from workbench.pruning.coupling.ties import owners
from workbench.pruning.coupling.trials import failing
from workbench.pruning.coupling.units import groups_of
from workbench.pruning.coupling.values import CouplingGroup, Member
from workbench.pruning.coupling.watch import watched


def coupling_groups(network: Network) -> tuple[CouplingGroup, ...]:
    """Return every coupling group of a network, in execution order.

    Examples
    --------
    >>> from workbench.models.inspect import from_module
    >>> net = from_module(
    ...     nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 1)),
    ...     input_shape=(3, 8, 8),
    ... )
    >>> [(g.producers, g.consumers, g.size) for g in coupling_groups(net)]
    [(('0',), ('2',), 4), (('2',), (), 2)]
    """
    try:
        images, (book, shapes) = smallest_images(network, lambda it: _walk(network, it))
    except ERRORS as error:
        return _unseen(network, str(error) or type(error).__name__)
    groups = groups_of(book, _widths(network))
    computed = computed_weights(network)
    holders = owners(network.module)
    groups = tuple(
        replace(
            group,
            blocked=_computed(group, computed)
            or group.blocked
            or _shared(group, network.module, holders),
        )
        for group in groups
    )
    reasons = failing(network, book, groups, images, shapes)
    return tuple(
        replace(group, blocked=group.blocked or reasons.get(group.root))
        for group in groups
    )


def _walk(network: Network, images: Images) -> tuple[Book, tuple[torch.Size, ...]]:
    book = Book()
    shapes = watched(network, network.module, book, images)
    book.settle()
    return book, shapes


def _widths(network: Network) -> dict[str, tuple[int, int]]:
    return {
        layer.id: (layer.weight_shape[0], layer.weight_shape[1] * layer.groups)
        for layer in network.layers
    }


def _computed(group: CouplingGroup, computed: Mapping[str, str]) -> str | None:
    """Return why a group with a layer that computes its weight anew stays, or None."""
    for member in group.members:
        if member.layer in computed:
            return f"of the weight of {member.layer!r}, {computed[member.layer]}"
    return None


def _shared(
    group: CouplingGroup, module: nn.Module, holders: dict[int, tuple[str, ...]]
) -> str | None:
    """Return why a group with parameters of two modules stays, or None."""
    names = [member.layer for member in group.members]
    names += [one.parameter.rpartition(".")[0] for one in group.followers]
    for name in dict.fromkeys(names):
        part = module.get_submodule(name)
        for kind, parameter in part.named_parameters(recurse=False):
            others = [one for one in holders[id(parameter)] if one != name]
            if others:
                return f"{name!r} has the same {kind} as {others[0]!r}"
    return None


def _unseen(network: Network, said: str) -> tuple[CouplingGroup, ...]:
    """Return one blocked group a layer."""
    reason = f"nobody could see where they go ({said.splitlines()[0]})"
    groups = []
    for layer in network.layers:
        width = layer.weight_shape[0]
        member = Member(layer.id, "out", np.arange(width))
        groups.append(CouplingGroup(layer.id, width, (member,), (), reason))
    return tuple(groups)
