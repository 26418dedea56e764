"""Depthwise or groupwise plus pointwise convolutions in the place of dense ones.

Belongs here: the replacement that HetConv is compared with. Does not belong here:
measuring it (``benchmarks/hetconv.py``).

Source: Singh et al. 2019, "HetConv", section 3.2 and 3.3: DWC + PWC and GWC + PWC.
"""

from __future__ import annotations

from torch import nn

from workbench.compression.plain import padding_of, pair, rewritten
from workbench.errors import WorkbenchError


def separable(conv: nn.Conv2d, groups: int | None = None) -> nn.Module:
    """Return a grouped k x k convolution and a 1 x 1 one, newly initialised.

    Parameters
    ----------
    conv : nn.Conv2d
        Gives sizes, stride, padding and dilation; one group.
    groups : int, optional
        Of the first convolution; its channels (depthwise) if left out.

    Examples
    --------
    >>> pair = separable(nn.Conv2d(8, 16, 3, padding=1, bias=False))
    >>> [tuple(layer.weight.shape) for layer in pair]
    [(8, 1, 3, 3), (16, 8, 1, 1)]
    """
    parts = conv.in_channels if groups is None else groups
    if conv.groups != 1 or parts < 1 or conv.in_channels % parts:
        raise WorkbenchError(
            f"{parts} groups for a convolution of {conv.in_channels} channels in "
            f"{conv.groups} group(s)",
            "a dense convolution and groups that divide its channels",
            "Choose another number of groups, or leave this layer out.",
        )
    return nn.Sequential(
        nn.Conv2d(
            conv.in_channels,
            conv.in_channels,
            pair(conv.kernel_size),
            pair(conv.stride),
            padding_of(conv),
            pair(conv.dilation),
            parts,
            bias=False,
        ),
        nn.Conv2d(conv.in_channels, conv.out_channels, 1, bias=conv.bias is not None),
    )


def to_separable(module: nn.Module, groups: int | None = None) -> nn.Module:
    """Return a copy whose k x k convolutions but the first are separable.

    Parameters
    ----------
    module : nn.Module
        Not changed; the new layers are newly initialised.
    groups : int, optional
        Of the k x k convolutions; depthwise if left out. A layer whose channels they
        do not divide stays as it is.
    """
    first = next((n for n, m in module.named_modules() if isinstance(m, nn.Conv2d)), "")

    def rewrite(name: str, child: nn.Module) -> nn.Module | None:
        if not isinstance(child, nn.Conv2d) or name == first or child.groups != 1:
            return None
        whole = max(child.kernel_size) > 1
        fits = groups is None or child.in_channels % groups == 0
        return separable(child, groups) if whole and fits else None

    return rewritten(module, rewrite)
