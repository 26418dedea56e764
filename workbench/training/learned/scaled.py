"""Trainable factors on weights: a weight is used as ``W * factor(theta)``.

Belongs here: the trick that trains factors beside weights without touching the
network's modules. Does not belong here: what the factors are (``skeleton.py``,
``gates.py``).

Before a step every weight is replaced by ``V = W * f``; after the backward pass W is
put back, its gradient becomes ``dV * f`` and the factor's ``dV * W``, so that the
optimizer updates W and theta as if the product were part of the network.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from workbench.training.masks.cut import Cut


class ScaledCut(Cut):
    """A cut whose first phase multiplies weights by factors that train with them."""

    def __init__(self, switch: float) -> None:
        super().__init__(switch)
        self._factors: dict[str, Tensor] = {}
        self._plain: dict[str, Tensor] = {}

    @abstractmethod
    def draw(self) -> Mapping[str, Tensor]:
        """Return this step's factor a layer id, broadcastable to its weight.

        Carries gradients to theta.
        """

    @abstractmethod
    def settled(self) -> Mapping[str, Tensor]:
        """Return the factors to score and keep, without noise or gradients."""

    @property
    def module(self) -> nn.Module:
        """The network in training."""
        if self._module is None:
            raise RuntimeError("prepare(module) comes first")
        return self._module

    def before_step(self, progress: float) -> None:
        """Cut when it is time; else put the factors on the weights."""
        if not self.done and progress >= self.switch:
            scale(self.module, self.settled())
        super().before_step(progress)
        self._factors = {} if self.done else dict(self.draw())
        self._plain = {}
        with torch.no_grad():
            for layer, factor in self._factors.items():
                weight = self.module.get_parameter(f"{layer}.weight")
                self._plain[layer] = weight.detach().clone()
                weight.mul_(factor)

    def after_backward(self) -> None:
        """Put the weights back and share the gradient out to them and the factors."""
        outs, slopes = [], []
        for layer, factor in self._factors.items():
            weight = self.module.get_parameter(f"{layer}.weight")
            plain = self._plain[layer]
            if weight.grad is not None:
                outs.append(factor)
                slopes.append((weight.grad * plain).sum_to_size(factor.shape))
                weight.grad = weight.grad * factor.detach()
            with torch.no_grad():
                weight.copy_(plain)
        if outs:
            torch.autograd.backward(outs, slopes)
        self._factors, self._plain = {}, {}
        super().after_backward()

    def finish(self, result: nn.Module) -> None:
        """Put the settled factors into the copy's weights."""
        if not self.done:
            scale(result, self.settled())
        super().finish(result)


@torch.no_grad()
def scale(module: nn.Module, factors: Mapping[str, Tensor]) -> None:
    """Multiply the weights of the layers by their factors, in place."""
    for layer, factor in factors.items():
        module.get_parameter(f"{layer}.weight").mul_(factor)
