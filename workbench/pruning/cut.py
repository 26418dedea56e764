"""Taking channels out of a module.

Belongs here: smaller weights, batch norms and slopes for given units. Does not belong
here: which units go (``shrink``).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from workbench.models.network import Network
from workbench.pruning.coupling.values import CouplingGroup

Cuts = Iterable[tuple[CouplingGroup, np.ndarray]]


def cut(network: Network, cuts: Cuts) -> nn.Module:
    """Return a copy of the network's module without some units.

    Parameters
    ----------
    network : Network
        Not changed.
    cuts : iterable of (CouplingGroup, numpy.ndarray)
        Groups, and bool (size,), True for the units that go.
    """
    module = copy.deepcopy(network.module)
    rows: dict[str, np.ndarray] = {}
    columns: dict[str, np.ndarray] = {}
    norms: dict[str, np.ndarray] = {}
    for group, gone in cuts:
        for member in group.members:
            found = rows if member.side == "out" else columns
            _add(found, member.layer, member.units, gone)
        for norm in group.norms:
            _add(norms, norm.name, norm.units, gone)
    for name in {**rows, **columns}:
        part = module.get_submodule(name)
        _cut_layer(part, rows.get(name), columns.get(name))
    for name, dead in norms.items():
        _cut_norm(module.get_submodule(name), _kept(dead))
    return module.eval()


def _add(
    found: dict[str, np.ndarray], name: str, units: np.ndarray, gone: np.ndarray
) -> None:
    dead = (units >= 0) & gone[units]
    found[name] = found[name] | dead if name in found else dead


def _kept(dead: np.ndarray) -> Tensor:
    return torch.from_numpy(np.flatnonzero(~dead))


def _cut_layer(
    part: nn.Module, rows: np.ndarray | None, columns: np.ndarray | None
) -> None:
    """Cut a layer's filters and input channels, in place."""
    assert isinstance(part, nn.Conv2d | nn.Linear)
    depthwise = isinstance(part, nn.Conv2d) and (
        part.groups == part.in_channels == part.out_channels > 1
    )
    if rows is not None:
        outputs = part.weight.shape[0]
        kept = _kept(rows)
        # A layer's other values of one entry a filter (its bias, a gain) go along.
        for name, value in part.named_parameters(recurse=False):
            if value.ndim and value.shape[0] == outputs:
                _put(part, name, value.detach()[kept])
    if columns is not None:
        kept = _kept(columns[: part.weight.shape[1]])
        _put(part, "weight", part.weight.detach()[:, kept])
    if isinstance(part, nn.Linear):
        part.out_features, part.in_features = part.weight.shape
        return
    part.out_channels = part.weight.shape[0]
    if depthwise:
        part.groups = part.in_channels = part.out_channels
    part.in_channels = part.weight.shape[1] * part.groups


def _cut_norm(part: nn.Module, kept: Tensor) -> None:
    """Cut the channels of a batch norm or of a PReLU, in place."""
    for name, value in part.named_parameters(recurse=False):
        _put(part, name, value.detach()[kept])
    if isinstance(part, nn.PReLU):
        part.num_parameters = kept.numel()
    elif isinstance(part, nn.modules.batchnorm._BatchNorm):
        part.num_features = kept.numel()
        if part.running_mean is not None and part.running_var is not None:
            part.running_mean = part.running_mean[kept]
            part.running_var = part.running_var[kept]


def _put(part: nn.Module, name: str, value: Tensor) -> None:
    grad = part.get_parameter(name).requires_grad
    setattr(part, name, nn.Parameter(value.clone(), requires_grad=grad))
