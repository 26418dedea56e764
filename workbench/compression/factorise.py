"""Replacing layers of a network by factors, with what it costs and saves.

Belongs here: ranks and sizes for a share of the weights, the replacement, the table.
Does not belong here: the factors (``lowrank``, ``kronecker``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import isqrt
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor, nn

from workbench.compression.kronecker import Kronecker
from workbench.compression.lowrank import low_rank_conv, low_rank_linear, spatial_conv
from workbench.compression.plain import plain, rewritten
from workbench.errors import WorkbenchError
from workbench.models.given import require_network
from workbench.models.inspect import from_module
from workbench.models.network import Layer, Network

Form = Literal["low-rank", "spatial", "kronecker"]


@dataclass(frozen=True)
class FactorRow:
    """One layer and its factors.

    Parameters
    ----------
    id : str
        Layer id.
    form : str
        Which factors.
    rank : int
        Channels between the factors, or products in the sum.
    error : float
        Root of the sum of squared differences of the weights over that of the weights.
    params, factor_params : int
        Weights before and after, biases not counted.
    macs, factor_macs : int
        Multiply-adds of one image before and after.
    """

    id: str
    form: str
    rank: int
    error: float
    params: int
    factor_params: int
    macs: int
    factor_macs: int


@dataclass(frozen=True, eq=False)
class Factorised:
    """A network with factors in the place of layers.

    Parameters
    ----------
    module : nn.Module
        Trainable; Kronecker layers are modules of their own.
    network : Network
        The same in ordinary layers: for pruning, the engine and export.
    rows : tuple of FactorRow
        What was replaced.
    """

    module: nn.Module
    network: Network
    rows: tuple[FactorRow, ...]


def factorise(
    net: Network, form: Form, *, share: float = 0.5, match: str = "*"
) -> Factorised:
    """Return the network with factors that keep at most a share of the weights.

    The first convolution and the last layer stay as they are unless ``match`` names
    them, and so do layers that no factors of that size fit.

    Parameters
    ----------
    net : Network
        Not changed.
    form : {"low-rank", "spatial", "kronecker"}
        Singular values; k x 1 and 1 x k (convolutions only); Kronecker products.
    share : float
        Weights after over weights before, above 0, at most 1.
    match : str
        Pattern of layer ids.

    Raises
    ------
    WorkbenchError
        An unknown form, an impossible share, or no layer that could be replaced.
    """
    require_network(net)
    if form not in _BUILDERS or not 0 < share <= 1:
        raise WorkbenchError(
            f"form {form!r} with a share of {share}",
            "one of " + ", ".join(_BUILDERS) + " and a share above 0, at most 1",
            "For example form 'low-rank' with a share of 0.5.",
        )
    ends = {net.layers[0].id, net.layers[-1].id} if match == "*" else set()
    rows: list[FactorRow] = []

    def rewrite(name: str, child: nn.Module) -> nn.Module | None:
        if name in ends or not fnmatchcase(name, match):
            return None
        if not isinstance(child, nn.Linear | nn.Conv2d):
            return None
        layer = net.layer(name)
        built = None if layer.groups > 1 else _BUILDERS[form](child, share)
        if built is None:
            return None
        rows.append(_row(layer, form, built))
        return built.module

    module = rewritten(net.module, rewrite)
    if not rows:
        raise WorkbenchError(
            f"no layer of '{net.name}' that {form} factors of {share:g} fit",
            "a layer matched by the pattern, large enough and without groups",
            "Raise the share, or correct the pattern.",
        )
    network = from_module(
        plain(module),
        input_shape=net.input_shape,
        name=net.name,
        classes=net.classes,
        dataset=net.dataset,
    )
    return Factorised(module, network, tuple(rows))


@dataclass(frozen=True, eq=False)
class _Built:
    """Factors of a layer: the module, the weight they stand for, the one they had."""

    module: nn.Module
    weight: Tensor
    original: Tensor
    rank: int
    spatial: bool = False


def _row(layer: Layer, form: str, built: _Built) -> FactorRow:
    lost = (built.weight - built.original).double().norm()
    steps = plain(built.module)
    weights = [part.get_parameter("weight") for part in steps.children()]
    pixels = layer.macs // layer.params
    pixels_inner = pixels
    if built.spatial:
        # The k x 1 step runs at the output's height and the input's width.
        pixels_inner = layer.output_shape[1] * layer.input_shape[2]
    counts = [int(torch.count_nonzero(weight)) for weight in weights]
    params = sum(
        one.numel()
        for name, one in built.module.named_parameters()
        if "bias" not in name
    )
    return FactorRow(
        layer.id,
        form,
        built.rank,
        float(lost / built.original.double().norm()),
        layer.params,
        params,
        layer.macs,
        counts[0] * pixels_inner + counts[1] * pixels,
    )


def _low_rank(layer: nn.Linear | nn.Conv2d, share: float) -> _Built | None:
    weight = layer.weight.detach()
    outputs, rest = weight.shape[0], weight[0].numel()
    rank = min(int(share * weight.numel() / (outputs + rest)), outputs, rest)
    if rank < 1:
        return None
    pair = (
        low_rank_linear(layer, rank)
        if isinstance(layer, nn.Linear)
        else low_rank_conv(layer, rank)
    )
    first, second = (part.get_parameter("weight").detach().flatten(1) for part in pair)
    return _Built(pair, (second @ first).view_as(weight), weight, rank)


def _spatial(layer: nn.Linear | nn.Conv2d, share: float) -> _Built | None:
    if isinstance(layer, nn.Linear) or max(layer.kernel_size) == 1:
        return None
    weight = layer.weight.detach()
    outputs, inputs, height, width = weight.shape
    most = min(outputs * width, inputs * height)
    each = outputs * width + inputs * height
    rank = min(int(share * weight.numel() / each), most)
    if rank < 1:
        return None
    pair = spatial_conv(layer, rank)
    first, second = (part.get_parameter("weight").detach() for part in pair)
    whole = torch.einsum("orx,riy->oiyx", second[:, :, 0], first[..., 0])
    return _Built(pair, whole, weight, rank, spatial=True)


def _kronecker(layer: nn.Linear | nn.Conv2d, share: float) -> _Built | None:
    weight = layer.weight.detach()
    outputs, inputs = weight.shape[:2]
    taps = weight[0, 0].numel()
    o1, i1 = _middle_divisor(outputs), _middle_divisor(inputs)
    each = o1 * i1 + (outputs // o1) * (inputs // i1) * taps
    terms = min(
        int(share * weight.numel() / each),
        o1 * i1,
        (outputs // o1) * (inputs // i1) * taps,
    )
    if terms < 1:
        return None
    module = Kronecker(layer, (o1, i1), terms=terms)
    return _Built(module, module.weight().detach(), weight, terms)


def _middle_divisor(number: int) -> int:
    """Return the largest divisor that is not above the square root."""
    return next(d for d in range(isqrt(number), 0, -1) if number % d == 0)


_Builder = Callable[[nn.Linear | nn.Conv2d, float], _Built | None]
_BUILDERS: Mapping[str, _Builder] = MappingProxyType(
    {"low-rank": _low_rank, "spatial": _spatial, "kronecker": _kronecker}
)
