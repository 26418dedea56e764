"""HetConv layers: a few whole kernels a filter, single weights for the rest.

Belongs here: the trainable layer, conversion in both directions, MACs in theory. Does
not belong here: the mask (``pruning/methods/hetconv.py``), which is the same one.

Source: Singh et al. 2019, "HetConv: Heterogeneous Kernel-Based Convolutions for Deep
CNNs", section 3: 1/P of the kernels are k x k, the others 1 x 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from workbench.compression.plain import padding_of, pair, rewritten
from workbench.errors import WorkbenchError
from workbench.models.given import module_of
from workbench.pruning.methods.hetconv import hetconv_mask

if TYPE_CHECKING:
    from workbench.capture.from_torch.torch_export import HasModule


class HetConv2d(nn.Module):
    """A convolution whose parameters are only the kept weights.

    The forward pass lays them into a dense kernel, so torch is no faster for it; the
    engine, which reads the zeros, multiplies the kept weights only.

    Parameters
    ----------
    conv : nn.Conv2d
        Gives sizes, stride, padding, groups and the initial weights; odd kernels.
    p : int
        One kernel in p stays whole.

    Examples
    --------
    >>> layer = HetConv2d(nn.Conv2d(4, 8, 3, padding=1, bias=False), p=2)
    >>> sum(one.numel() for one in layer.parameters())  # 8 filters x (2 x 9 + 2)
    160
    """

    places: Tensor

    def __init__(self, conv: nn.Conv2d, p: int) -> None:
        super().__init__()
        _check(conv, p)
        weight = conv.weight.detach()
        mask = hetconv_mask(tuple(weight.shape), p, conv.groups)
        whole = mask.flatten(2).all(dim=2)
        centre = (weight.shape[2] // 2, weight.shape[3] // 2)
        flat = torch.arange(weight.numel()).view(weight.shape)
        places = torch.cat([flat[whole].flatten(), flat[:, :, *centre][~whole]])
        self.p = p
        self.shape = tuple(weight.shape)
        self.whole = nn.Parameter(weight[whole].clone())
        # Three axes, as the whole kernels have: training decays both alike.
        self.point = nn.Parameter(weight[:, :, *centre][~whole].clone().view(-1, 1, 1))
        self.bias = None if conv.bias is None else nn.Parameter(conv.bias.detach())
        self.register_buffer("places", places, persistent=False)
        self.stride, self.padding = pair(conv.stride), padding_of(conv)
        self.dilation, self.groups = pair(conv.dilation), conv.groups

    def weight(self) -> Tensor:
        """Return the dense kernel, (O, I, KH, KW), zeros where nothing is kept."""
        kept = torch.cat([self.whole.flatten(), self.point.flatten()])
        flat = kept.new_zeros(self.shape).flatten()
        return flat.index_copy(0, self.places, kept).view(self.shape)

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolution of a batch (N, C, H, W)."""
        return functional.conv2d(
            x,
            self.weight(),
            self.bias,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
        )

    def plain(self) -> nn.Module:
        """Return an ordinary convolution with the same outputs."""
        outputs, inputs, height, width = self.shape
        conv = nn.Conv2d(
            inputs * self.groups,
            outputs,
            (height, width),
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
            self.bias is not None,
        )
        with torch.no_grad():
            conv.weight.copy_(self.weight())
            if conv.bias is not None and self.bias is not None:
                conv.bias.copy_(self.bias)
        return conv


def to_hetconv(
    module: nn.Module | HasModule,
    p: int,
    *,
    wanted: Callable[[str], bool] | None = None,
) -> nn.Module:
    """Return a copy with HetConv layers, to train from scratch or to fine-tune.

    Parameters
    ----------
    module : nn.Module, Network, PrunedNetwork or CompressedNetwork
        Its weights are the initial ones.
    p : int
        One kernel in p stays whole.
    wanted : callable (layer id) -> bool, optional
        Which convolutions to convert; by default every one with odd kernels above
        1 x 1 and at least p channels a group. The first convolution is never
        converted without being asked for, as in the paper.

    Raises
    ------
    WorkbenchError
        No layer that can be converted, or one asked for that cannot.
    """
    module = module_of(module)
    first = next((n for n, m in module.named_modules() if isinstance(m, nn.Conv2d)), "")
    done: list[str] = []

    def rewrite(name: str, child: nn.Module) -> nn.Module | None:
        if not isinstance(child, nn.Conv2d):
            return None
        chosen = (
            name != first and _refusal(child, p) is None
            if wanted is None
            else wanted(name)
        )
        if not chosen:
            return None
        done.append(name)
        return HetConv2d(child, p)

    converted = rewritten(module, rewrite)
    if not done:
        raise WorkbenchError(
            f"no convolution that P = {p} fits",
            "one with odd kernels larger than 1 x 1 and at least P channels a group",
            "Lower P, or name the layers.",
        )
    return converted


def hetconv_share(p: int, size: int = 3) -> float:
    """Return a layer's MACs over dense ones: 1/P + (1 - 1/P) / k^2.

    Source: Singh 2019, equation 5.

    Examples
    --------
    >>> round(hetconv_share(4), 4)
    0.3333
    """
    return 1 / p + (1 - 1 / p) / size**2


def _refusal(conv: nn.Conv2d, p: int) -> str | None:
    size = tuple(conv.kernel_size)
    inputs = conv.in_channels // conv.groups
    if size == (1, 1) or any(side % 2 == 0 for side in size):
        return "x".join(map(str, size)) + " kernels"
    if not 1 <= p <= inputs:
        return f"P = {p} for {inputs} kernels a filter"
    if conv.padding_mode != "zeros":
        return f"padding mode '{conv.padding_mode}'"
    return None


def _check(conv: nn.Conv2d, p: int) -> None:
    found = _refusal(conv, p)
    if found is not None:
        raise WorkbenchError(
            found,
            "odd kernels larger than 1x1, P of 1 up to the channels of a group, and "
            "padding with zeros",
            "Leave this layer out, or lower P.",
        )
