"""HetConv against depthwise + pointwise and groupwise + pointwise, by the formulas.

Belongs here: the papers' cost formulas of one layer, in one table. Does not belong
here: building these layers (``compression/hetconv``, ``compression/separable``) and
timing them (``benchmarks/hetconv.py``).

With M input channels, N filters, K x K kernels and D x D outputs, a dense layer takes
D^2 M N K^2 MACs. Source: Singh et al. 2019, "HetConv", section 3, equations 1 to 9.
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.compression.hetconv import hetconv_share
from workbench.errors import WorkbenchError
from workbench.models.network import Layer


@dataclass(frozen=True)
class Rival:
    """One way to build a layer.

    Parameters
    ----------
    name : str
        "dense", "HetConv P = 4", "depthwise + pointwise", "groups of 4 + pointwise".
    formula : str
        Its share of the dense MACs.
    share : float
        That share, 0..; above 1 where the rival costs more.
    macs, weights : int
        Of the layer built so, biases not counted.
    latency : int
        Convolutions that wait for one another: 2 where a pointwise one follows.
    """

    name: str
    formula: str
    share: float
    macs: int
    weights: int
    latency: int


def rivals(
    layer: Layer, *, parts: tuple[int, ...] = (2, 4, 8), groups: tuple[int, ...] = (4,)
) -> tuple[Rival, ...]:
    """Return a dense layer's rivals with MACs and weights, from the paper's formulas.

    Parameters
    ----------
    layer : Layer
        A convolution with one group and square kernels above 1 x 1.
    parts : tuple of int
        HetConv's P, each a divisor of the input channels.
    groups : tuple of int
        Groups of the groupwise convolution, each a divisor of the input channels.

    Raises
    ------
    WorkbenchError
        Another layer, or numbers that do not divide its channels.
    """
    height, width = layer.kernel_size
    if layer.kind == "linear" or layer.groups > 1 or height != width or height == 1:
        raise WorkbenchError(
            f"layer '{layer.id}' of weights {layer.weight_shape}",
            "a convolution of one group with square kernels above 1x1",
            "Choose another layer.",
        )
    outputs, inputs = layer.weight_shape[:2]
    uneven = [one for one in (*parts, *groups) if one < 1 or inputs % one]
    if uneven:
        raise WorkbenchError(
            f"P or groups {uneven[0]} for the {inputs} input channels of '{layer.id}'",
            "a divisor of the channels, which the formulas assume",
            "Choose another number.",
        )
    square = height * width
    rows = [Rival("dense", "1", 1.0, layer.macs, layer.params, 1)]
    for part in parts:
        text = f"1/{part} + (1 - 1/{part})/{square}"
        rows.append(
            _rival(layer, f"HetConv P = {part}", text, hetconv_share(part, height), 1)
        )
    rows.append(
        _rival(
            layer,
            "depthwise + pointwise",
            f"1/{outputs} + 1/{square}",
            1 / outputs + 1 / square,
            2,
        )
    )
    for group in groups:
        # The groupwise layer keeps the channels: inputs x inputs/G kernels.
        rows.append(
            _rival(
                layer,
                f"{group} groups + pointwise",
                f"{inputs}/({outputs} {group}) + 1/{square}",
                inputs / (outputs * group) + 1 / square,
                2,
            )
        )
    return tuple(rows)


def _rival(layer: Layer, name: str, formula: str, share: float, latency: int) -> Rival:
    pixels = layer.macs // layer.params
    weights = round(share * layer.params)
    return Rival(name, formula, share, weights * pixels, weights, latency)
