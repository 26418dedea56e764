"""Low-rank factors of a layer as two smaller layers.

Belongs here: the best factors by singular values. Does not belong here: choosing the
rank and replacing layers of a network (``factorise``).

Source: Denton et al. 2014, "Exploiting Linear Structure Within Convolutional Networks"
(linear layers); Zhang et al. 2015, "Accelerating Very Deep Convolutional Networks"
(k x k to r channels, then 1 x 1); Jaderberg et al. 2014, "Speeding up Convolutional
Neural Networks with Low Rank Expansions", scheme 2 (k x 1, then 1 x k).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from workbench.compression.plain import padding_of, pair
from workbench.errors import WorkbenchError


def low_rank_linear(layer: nn.Linear, rank: int) -> nn.Sequential:
    """Return two linear layers, (I to rank) and (rank to O), nearest to the layer.

    Raises
    ------
    WorkbenchError
        A rank below 1 or above the smaller side.
    """
    left, right = split(layer.weight.detach(), rank)
    first = nn.Linear(layer.in_features, rank, bias=False)
    second = nn.Linear(rank, layer.out_features, bias=layer.bias is not None)
    _fill(first, right)
    _fill(second, left, layer.bias)
    return nn.Sequential(first, second)


def low_rank_conv(layer: nn.Conv2d, rank: int) -> nn.Sequential:
    """Return a k x k convolution to ``rank`` channels and a 1 x 1 one to the outputs.

    Raises
    ------
    WorkbenchError
        An impossible rank, or groups.
    """
    _check_plain(layer)
    weight = layer.weight.detach()
    outputs, inputs, height, width = weight.shape
    left, right = split(weight.reshape(outputs, -1), rank)
    first = nn.Conv2d(
        inputs,
        rank,
        (height, width),
        pair(layer.stride),
        padding_of(layer),
        pair(layer.dilation),
        bias=False,
    )
    second = nn.Conv2d(rank, outputs, 1, bias=layer.bias is not None)
    _fill(first, right.reshape(rank, inputs, height, width))
    _fill(second, left.reshape(outputs, rank, 1, 1), layer.bias)
    return nn.Sequential(first, second)


def spatial_conv(layer: nn.Conv2d, rank: int) -> nn.Sequential:
    """Return a k x 1 convolution to ``rank`` channels and a 1 x k one to the outputs.

    Raises
    ------
    WorkbenchError
        An impossible rank, or groups.
    """
    _check_plain(layer)
    weight = layer.weight.detach()
    outputs, inputs, height, width = weight.shape
    (down, across), (top, side) = pair(layer.stride), padding_of(layer)
    far, wide = pair(layer.dilation)
    # Rows (o, x), columns (i, y).
    table = weight.permute(0, 3, 1, 2).reshape(outputs * width, inputs * height)
    left, right = split(table, rank)
    first = nn.Conv2d(
        inputs, rank, (height, 1), (down, 1), (top, 0), (far, 1), bias=False
    )
    second = nn.Conv2d(
        rank,
        outputs,
        (1, width),
        (1, across),
        (0, side),
        (1, wide),
        bias=layer.bias is not None,
    )
    _fill(first, right.reshape(rank, inputs, height, 1))
    columns = left.reshape(outputs, width, rank).permute(0, 2, 1)
    _fill(second, columns.reshape(outputs, rank, 1, width), layer.bias)
    return nn.Sequential(first, second)


def split(matrix: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """Return the factors (O, rank) and (rank, I) whose product is nearest.

    Nearest by the sum of squares (Eckart and Young 1936); both factors carry the
    square root of the singular values, so that training meets even scales.

    Examples
    --------
    >>> left, right = split(torch.outer(torch.tensor([1.0, 2.0]), torch.ones(3)), 1)
    >>> (left @ right).round(decimals=4).tolist()
    [[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]
    """
    most = min(matrix.shape)
    if not 1 <= rank <= most:
        raise WorkbenchError(
            f"rank {rank} for a matrix of {tuple(matrix.shape)}",
            f"1 to {most}",
            "Choose a rank in this range.",
        )
    u, s, vt = torch.linalg.svd(matrix.double(), full_matrices=False)
    root = s[:rank].sqrt()
    left, right = u[:, :rank] * root, root[:, None] * vt[:rank]
    return left.to(matrix.dtype), right.to(matrix.dtype)


def _check_plain(layer: nn.Conv2d) -> None:
    if layer.groups != 1 or layer.padding_mode != "zeros":
        raise WorkbenchError(
            f"a convolution with {layer.groups} groups and padding "
            f"'{layer.padding_mode}'",
            "one group and padding with zeros",
            "Leave this layer out: grouped layers are small already.",
        )


@torch.no_grad()
def _fill(
    layer: nn.Conv2d | nn.Linear, weight: Tensor, bias: Tensor | None = None
) -> None:
    layer.weight.copy_(weight)
    if layer.bias is not None and bias is not None:
        layer.bias.copy_(bias)
