"""Palettes as torch parametrisations: training moves the shared values only.

The gradient of a shared value is the sum of the gradients of all weights that share
it; codes never change, removed weights stay exactly zero.

Belongs here: attaching palettes to a module and reading them back. Does not belong
here: the training loop (``workbench.training``).

Source: Han, Mao, Dally 2016, "Deep Compression", section 3.3, equation 3.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from workbench.compression.compressed import CompressedNetwork, with_palettes
from workbench.compression.palette import Palette


class _Gather(torch.autograd.Function):
    """``table[codes]``; backward sums gradients code by code."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, codes: Tensor) -> Tensor:
        ctx.save_for_backward(codes)
        ctx.count = len(table)
        return table.index_select(0, codes.reshape(-1)).view(codes.shape)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (codes,) = ctx.saved_tensors
        flat = grads[0].reshape(-1)
        sums = torch.bincount(codes.reshape(-1), weights=flat, minlength=ctx.count)
        return sums.to(flat.dtype), None


class Lookup(nn.Module):
    """From the shared values of a layer, the parameter, to its weight.

    Parameters
    ----------
    palette : Palette
        Gives the codes and the values to start from.
    """

    codes: Tensor

    def __init__(self, palette: Palette) -> None:
        super().__init__()
        self.pruned = palette.pruned
        self._live = torch.from_numpy(palette.live.copy())
        codes = torch.from_numpy(palette.codes.astype(np.int32))
        self.register_buffer("codes", codes, persistent=False)

    def forward(self, live: Tensor) -> Tensor:
        """Return the weight, of the codes' shape."""
        table = nn.functional.pad(live, (1, 0)) if self.pruned else live
        weight: Tensor = _Gather.apply(table, self.codes)  # type: ignore[no-untyped-call]
        return weight

    def right_inverse(self, weight: Tensor) -> Tensor:
        """Return the shared values that the layer's weight was made from."""
        return self._live.to(weight.dtype)


def attach(net: CompressedNetwork) -> nn.Module:
    """Return a copy of the module in which each palette is a trainable parameter.

    Biases and norms stay trainable as they are.
    """
    module = copy.deepcopy(net.module)
    for name, palette in net.palettes.items():
        if len(palette.live):
            parametrize.register_parametrization(
                module.get_submodule(name), "weight", Lookup(palette)
            )
    return module


def detach(module: nn.Module, net: CompressedNetwork) -> CompressedNetwork:
    """Return the compressed network with the values of a module that ``attach`` made.

    Parameters
    ----------
    module : nn.Module
        After training; not changed.
    net : CompressedNetwork
        Whose codes the module has.
    """
    palettes: dict[str, Palette] = dict(net.palettes)
    plain = copy.deepcopy(module)
    for name, values in _codebooks(module).items():
        palettes[name] = net.palettes[name].with_live(values)
        parametrize.remove_parametrizations(plain.get_submodule(name), "weight")
    return net.with_values(with_palettes(plain, palettes), palettes)


def _codebooks(module: nn.Module) -> Mapping[str, np.ndarray[Any, Any]]:
    found: dict[str, np.ndarray[Any, Any]] = {}
    for name, child in module.named_modules():
        if parametrize.is_parametrized(child, "weight"):
            chain: Any = child.parametrizations
            if isinstance(chain.weight[0], Lookup):
                found[name] = chain.weight.original.detach().numpy().copy()
    return found
