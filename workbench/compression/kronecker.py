"""Layers whose weight is a sum of Kronecker products.

Belongs here: the nearest products and the trainable layer. Does not belong here:
choosing sizes for a network (``factorise``).

Source: Van Loan and Pitsianis 1993, "Approximation with Kronecker Products" (nearest
product by the singular values of a rearrangement); Zhou and Wu 2015, "Compression of
Fully-Connected Layer in Neural Network by Kronecker Product"; for convolutions Hameed
et al. 2022, "Convolutional Neural Network Compression through Generalized Kronecker
Product Decomposition".
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from workbench.compression.lowrank import split
from workbench.compression.plain import padding_of, pair
from workbench.errors import WorkbenchError


def nearest_products(
    weight: Tensor, outer: tuple[int, int], terms: int
) -> tuple[Tensor, Tensor]:
    """Return A and B with ``weight`` nearest to the sum of A[t] kron B[t].

    Parameters
    ----------
    weight : Tensor, shape (O, I, ...)
        A convolution's kernel positions belong to B.
    outer : (int, int)
        Rows and columns of each A; they divide O and I.
    terms : int
        Products in the sum.

    Returns
    -------
    a : Tensor, shape (terms, o1, i1)
    b : Tensor, shape (terms, O / o1, I / i1, ...)

    Examples
    --------
    >>> a, b = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0], [4.0]])
    >>> left, right = nearest_products(torch.kron(a, b), (1, 2), 1)
    >>> torch.kron(left[0], right[0]).round(decimals=4).tolist()
    [[3.0, 6.0], [4.0, 8.0]]
    """
    outputs, inputs, *kernel = weight.shape
    o1, i1 = outer
    if o1 < 1 or i1 < 1 or outputs % o1 or inputs % i1:
        raise WorkbenchError(
            f"an outer factor of {o1} x {i1} for a weight of {outputs} x {inputs}",
            "rows and columns that divide the weight's",
            "Choose divisors.",
        )
    o2, i2 = outputs // o1, inputs // i1
    table = weight.reshape(o1, o2, i1, i2, -1).permute(0, 2, 1, 3, 4)
    left, right = split(table.reshape(o1 * i1, -1), terms)
    a = left.T.reshape(terms, o1, i1)
    b = right.reshape(terms, o2, i2, *kernel)
    return a.contiguous(), b.contiguous()


def product_sum(a: Tensor, b: Tensor) -> Tensor:
    """Return the weight (O, I, ...) that the factors stand for."""
    terms, o1, i1 = a.shape
    _, o2, i2, *kernel = b.shape
    whole = torch.einsum("tpi,tqjk->pqijk", a, b.reshape(terms, o2, i2, -1))
    return whole.reshape(o1 * o2, i1 * i2, *kernel)


class Kronecker(nn.Module):
    """A linear layer or convolution as two steps: B within blocks, A across them.

    (A kron B) = (A kron 1)(1 kron B): the first step is the same small layer on each
    of i1 blocks of channels, the second mixes the blocks. torch multiplies the zeros
    of the second step; the engine does not.

    Parameters
    ----------
    layer : nn.Linear or nn.Conv2d
        Its weight is approximated; one group.
    outer : (int, int)
        Rows and columns of A.
    terms : int
        Products in the sum.
    """

    def __init__(
        self, layer: nn.Linear | nn.Conv2d, outer: tuple[int, int], *, terms: int = 1
    ) -> None:
        super().__init__()
        if isinstance(layer, nn.Conv2d) and layer.groups != 1:
            raise WorkbenchError(
                f"a convolution with {layer.groups} groups",
                "one group",
                "Leave this layer out: grouped layers are small already.",
            )
        a, b = nearest_products(layer.weight.detach(), outer, terms)
        self.a, self.b = nn.Parameter(a), nn.Parameter(b)
        self.bias = None if layer.bias is None else nn.Parameter(layer.bias.detach())
        self.conv = isinstance(layer, nn.Conv2d)
        if isinstance(layer, nn.Conv2d):
            self.stride, self.padding = pair(layer.stride), padding_of(layer)
            self.dilation = pair(layer.dilation)

    def weight(self) -> Tensor:
        """Return the whole weight, (O, I) or (O, I, KH, KW)."""
        return product_sum(self.a, self.b)

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output."""
        inner, mix = self._steps()
        if not self.conv:
            return functional.linear(functional.linear(x, inner), mix, self.bias)
        blocks = self.a.shape[2]
        hidden = functional.conv2d(
            x, inner, None, self.stride, self.padding, self.dilation, blocks
        )
        return functional.conv2d(hidden, mix, self.bias)

    def plain(self) -> nn.Module:
        """Return two ordinary layers with the same outputs; zeros are exact."""
        with torch.no_grad():
            inner, mix = self._steps()
        hidden, outputs = mix.shape[1], mix.shape[0]
        bias = self.bias is not None
        first: nn.Linear | nn.Conv2d
        second: nn.Linear | nn.Conv2d
        if self.conv:
            blocks = self.a.shape[2]
            size = (inner.shape[2], inner.shape[3])
            first = nn.Conv2d(
                inner.shape[1] * blocks,
                hidden,
                size,
                self.stride,
                self.padding,
                self.dilation,
                blocks,
                bias=False,
            )
            second = nn.Conv2d(hidden, outputs, 1, bias=bias)
        else:
            first = nn.Linear(inner.shape[1], hidden, bias=False)
            second = nn.Linear(hidden, outputs, bias=bias)
        with torch.no_grad():
            first.weight.copy_(inner)
            second.weight.copy_(mix)
            if second.bias is not None and self.bias is not None:
                second.bias.copy_(self.bias)
        return nn.Sequential(first, second)

    def _steps(self) -> tuple[Tensor, Tensor]:
        """Return the weights of both steps; hidden channels are (i1, term, o2)."""
        terms, o1, i1 = self.a.shape
        o2 = self.b.shape[1]
        small = self.b.flatten(0, 1)
        same = torch.eye(o2, dtype=self.a.dtype)
        mix = torch.einsum("tpi,qr->pqitr", self.a, same)
        mix = mix.reshape(o1 * o2, i1 * terms * o2)
        if self.conv:
            inner = small.repeat(i1, 1, 1, 1)
            return inner, mix[:, :, None, None]
        # Block diagonal: the same small layer on each block of inputs.
        blocks = torch.eye(i1, dtype=small.dtype)
        return torch.kron(blocks, small), mix
