"""Network and Layer: a CNN as the workbench sees it.

Belongs here: the two values. Does not belong here: making them (``inspect.py``) and
reading files (``loading.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from math import prod
from typing import Literal

from torch import nn

from workbench.engine.graph.signature import ONLY_INPUT, ONLY_OUTPUT
from workbench.errors import WorkbenchError
from workbench.models.digest import digest_state

Kind = Literal["conv", "linear"]


@dataclass(frozen=True)
class Layer:
    """One layer that has weights to prune: a convolution or a linear layer.

    Parameters
    ----------
    id : str
        Qualified module name, for example ``"layer1.0.conv1"``.
    kind : {"conv", "linear"}
        Which of the two.
    weight_shape : tuple of int
        OIHW of a convolution (I is per group), (O, I) of a linear layer.
    stride, padding, dilation : (int, int)
        Height, width; (1, 1), (0, 0), (1, 1) for a linear layer. Padding "same" is
        given as numbers.
    groups : int
        1 for a linear layer.
    bias : bool
        Whether there is one.
    input_shape, output_shape : tuple of int
        (C, H, W) of a convolution, (C,) of a linear layer, without the batch; a linear
        layer over positions has these before: (positions, C).
    more_outputs : tuple of tuple of int
        Output shapes of its further calls, where a forward pass uses it again.
    """

    id: str
    kind: Kind
    weight_shape: tuple[int, ...]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int
    bias: bool
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    more_outputs: tuple[tuple[int, ...], ...] = ()

    @property
    def calls(self) -> int:
        """Return how often it runs in a forward pass."""
        return 1 + len(self.more_outputs)

    @property
    def positions(self) -> int:
        """Return at how many places all its weights are applied, over all calls."""
        where = slice(1, None) if self.kind == "conv" else slice(-1)
        return sum(prod(s[where]) for s in (self.output_shape, *self.more_outputs))

    @property
    def params(self) -> int:
        """Return the number of weights, the bias not counted."""
        return prod(self.weight_shape)

    @property
    def macs(self) -> int:
        """Return the dense multiply-adds for one image, over all its calls."""
        return self.params * self.positions

    @property
    def kernel_size(self) -> tuple[int, int]:
        """Return (KH, KW); (1, 1) for a linear layer."""
        if self.kind == "linear":
            return 1, 1
        return self.weight_shape[2], self.weight_shape[3]

    @property
    def depthwise(self) -> bool:
        """Return whether every channel is convolved alone."""
        return self.groups > 1 and self.weight_shape[1] == 1


@dataclass(frozen=True, eq=False)
class Network:
    """A network with the facts that pruning needs; immutable by agreement.

    Nobody changes ``module`` in place: pruning, training and folding work on copies.

    Parameters
    ----------
    name : str
        What people call it.
    module : nn.Module
        In evaluation mode, on the CPU.
    input_shape : (int, int, int)
        One image, (C, H, W).
    classes : tuple of str
        Names in output order; empty if unknown.
    layers : tuple of Layer
        In the order in which they run.
    dataset : str or None
        What it was trained on, for example ``"cifar10"``; None if unknown.
    inputs : mapping of str to tuple of int
        Shapes of all inputs by name, where there are several; `input_shape` is that of
        the first.
    outputs : tuple of str
        Names of what it returns.
    notes : tuple of str
        What was done to what was handed over, in sentences.
    norm : tuple of tuple of float, optional
        Mean and standard deviation a channel that its images are normalised with, where
        its source says so.
    """

    name: str
    module: nn.Module
    input_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    layers: tuple[Layer, ...]
    dataset: str | None = None
    inputs: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    outputs: tuple[str, ...] = (ONLY_OUTPUT,)
    notes: tuple[str, ...] = ()
    norm: tuple[tuple[float, ...], tuple[float, ...]] | None = None

    @property
    def input_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Return the shape of every input by name."""
        return self.inputs or {ONLY_INPUT: self.input_shape}

    @cached_property
    def digest(self) -> str:
        """Return the hex SHA-256 over names and bytes of the state_dict.

        Computed at the first use and kept.
        """
        return digest_state(self.module.state_dict())

    def layer(self, layer_id: str) -> Layer:
        """Return the layer with that id.

        Raises
        ------
        WorkbenchError
            If there is none; names the nearest ids.
        """
        for layer in self.layers:
            if layer.id == layer_id:
                return layer
        ids = [layer.id for layer in self.layers]
        near = get_close_matches(layer_id, ids, n=3) or ids[:3]
        raise WorkbenchError(
            f"layer '{layer_id}' in network '{self.name}'",
            f"one of its {len(ids)} layers, for example {', '.join(near)}",
            f"List them with: python -m workbench inspect {self.name}",
        )
