"""What a network costs on paper: multiply-adds, weights, bytes.

Belongs here: counts per layer from shapes and non-zeros. Does not belong here: what a
kernel really executes (the engine's ``Program.steps``) and measured time
(``measure``).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import torch

from workbench.models.given import require_network
from workbench.models.network import Layer, Network
from workbench.pruning.pruned import PrunedNetwork

VALUE_BYTES = 4


@dataclass(frozen=True)
class LayerCost:
    """One layer's cost for one image.

    Parameters
    ----------
    id : str
        Layer id.
    kind : str
        "conv" or "linear".
    dense_macs : int
        weights x output pixels, as if no weight were zero.
    macs : int
        Theoretical MACs: non-zero weights x output pixels.
    params : int
        Weights and biases.
    weights, nonzeros : int
        All weights, and those that are not zero.
    dense_bytes : int
        4 bytes a parameter.
    sparse_bytes : int
        4 bytes a non-zero and a bias, and one bit a weight that says where.
    activation_bytes : int
        4 bytes a value that the layer reads or writes.
    """

    id: str
    kind: str
    dense_macs: int
    macs: int
    params: int
    weights: int
    nonzeros: int
    dense_bytes: int
    sparse_bytes: int
    activation_bytes: int

    @property
    def sparsity(self) -> float:
        """Zero weights over weights, 0..1."""
        return 1 - self.nonzeros / self.weights

    @property
    def intensity(self) -> float:
        """Theoretical MACs a byte of sparse weights and activations."""
        return self.macs / (self.sparse_bytes + self.activation_bytes)


@dataclass(frozen=True)
class NetworkCost:
    """All layers' costs for one image, in execution order, and their sums."""

    layers: tuple[LayerCost, ...]

    @property
    def dense_macs(self) -> int:
        """Dense MACs of all layers."""
        return sum(row.dense_macs for row in self.layers)

    @property
    def macs(self) -> int:
        """Theoretical MACs (non-zero weights) of all layers."""
        return sum(row.macs for row in self.layers)

    @property
    def params(self) -> int:
        """Weights and biases of all layers."""
        return sum(row.params for row in self.layers)

    @property
    def weights(self) -> int:
        """Weights of all layers."""
        return sum(row.weights for row in self.layers)

    @property
    def nonzeros(self) -> int:
        """Non-zero weights of all layers."""
        return sum(row.nonzeros for row in self.layers)

    @property
    def dense_bytes(self) -> int:
        """Bytes with every parameter stored."""
        return sum(row.dense_bytes for row in self.layers)

    @property
    def sparse_bytes(self) -> int:
        """Bytes with a bit a weight and its non-zeros stored."""
        return sum(row.sparse_bytes for row in self.layers)

    @property
    def sparsity(self) -> float:
        """Zero weights over weights, 0..1."""
        return 1 - self.nonzeros / self.weights


def layer_costs(net: Network | PrunedNetwork) -> NetworkCost:
    """Return the cost of every convolution and linear layer.

    Parameters
    ----------
    net : Network or PrunedNetwork
        Non-zeros are counted in the weights themselves.

    Examples
    --------
    A 3x3 convolution of 3 to 4 channels on 6 x 6 outputs, all weights 1:
    4 x 3 x 9 x 36 multiply-adds.

    >>> from torch import nn
    >>> from workbench.models.inspect import from_module
    >>> conv = nn.Sequential(nn.Conv2d(3, 4, 3))
    >>> _ = nn.init.ones_(conv[0].weight)
    >>> layer_costs(from_module(conv, input_shape=(3, 8, 8))).macs
    3888
    """
    require_network(net)
    return NetworkCost(
        tuple(
            _cost(layer, net.module.get_parameter(f"{layer.id}.weight"))
            for layer in net.layers
        )
    )


def _cost(layer: Layer, weight: torch.Tensor) -> LayerCost:
    nonzeros = int(torch.count_nonzero(weight.detach()))
    biases = layer.weight_shape[0] if layer.bias else 0
    stored = VALUE_BYTES * (nonzeros + biases) + (layer.params + 7) // 8
    # Further calls read as much for each value that they make as the first does.
    made = sum(map(prod, (layer.output_shape, *layer.more_outputs)))
    moved = made + prod(layer.input_shape) * made // prod(layer.output_shape)
    return LayerCost(
        id=layer.id,
        kind=layer.kind,
        dense_macs=layer.macs,
        macs=nonzeros * layer.positions,
        params=layer.params + biases,
        weights=layer.params,
        nonzeros=nonzeros,
        dense_bytes=VALUE_BYTES * (layer.params + biases),
        sparse_bytes=stored,
        activation_bytes=VALUE_BYTES * moved,
    )
