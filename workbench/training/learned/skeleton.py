"""Learned filter skeletons: which stripes of a filter matter is trained, then cut.

Belongs here: the technique. Does not belong here: stripes chosen by norm (the method
``stripe``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from workbench.errors import WorkbenchError
from workbench.models.network import Layer, Network
from workbench.pruning.method import MaskSet
from workbench.pruning.recipe.assign import protected_layers
from workbench.pruning.recipe.recipe import Recipe
from workbench.pruning.recipe.rule import Rule
from workbench.pruning.select import count_of, smallest
from workbench.training.learned.scaled import ScaledCut
from workbench.training.loop.technique import Batch


class FilterSkeleton(ScaledCut):
    """Uses weights as ``W * I``, I of shape (O, 1, KH, KW) trained under an L1 penalty.

    At the cut, stripes whose |I| lies below the threshold go and the rest of I is
    multiplied into the weights.

    Parameters
    ----------
    base : Network
        The dense network, from whose weights the run starts.
    lam : float
        Weight of the L1 penalty on I.
    threshold : float
        Stripes with |I| below it go; the paper uses 0.05.
    sparsity : float, optional
        Cut this share of all stripes instead, those of smallest |I|; every layer
        keeps its best stripe.
    switch : float
        Share of the run before the cut.

    Source
    ------
    Meng et al., "Pruning Filter in Filter", 2020, section 3.2 and equation 3.
    """

    def __init__(
        self,
        base: Network,
        *,
        lam: float = 1e-3,
        threshold: float = 0.05,
        sparsity: float | None = None,
        switch: float = 0.6,
    ) -> None:
        super().__init__(switch)
        if lam < 0 or threshold < 0 or not 0 <= (sparsity or 0) < 1:
            raise WorkbenchError(
                f"lam {lam}, threshold {threshold}, sparsity {sparsity}",
                "numbers of 0 or more, a sparsity below 1",
                "Try lam 0.001 and threshold 0.05.",
            )
        self.lam, self.threshold, self.sparsity = lam, threshold, sparsity
        self.identity = f"skeleton {lam} {threshold} {sparsity} {switch}"
        self.skeletons = {
            layer.id: nn.Parameter(
                torch.ones(layer.weight_shape[0], 1, *layer.kernel_size)
            )
            for layer in striped_layers(base)
        }
        if not self.skeletons:
            raise WorkbenchError(
                f"'{base.name}', which has no layer with stripes",
                "convolutions with kernels larger than 1x1",
                "Use 'magnitude' or 'filter' for this network.",
            )

    @property
    def recipe(self) -> Recipe:
        """Stripe rules that remove as many stripes of each layer."""
        rules = []
        for name, mask in self.found.masks.items():
            share = 1 - float(mask[:, 0].float().mean())
            rules.append(Rule.of(name, "stripe", sparsity=share))
        return Recipe(layers=tuple(rules))

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield the skeletons."""
        return iter(self.skeletons.values())

    def draw(self) -> Mapping[str, Tensor]:
        """Return the skeletons."""
        return self.skeletons

    def settled(self) -> Mapping[str, Tensor]:
        """Return the skeletons without gradients."""
        return {name: value.detach() for name, value in self.skeletons.items()}

    def loss(self, loss: Tensor, batch: Batch) -> Tensor:
        """Add ``lam |I|_1``."""
        if self.done:
            return loss
        sizes = [value.abs().sum() for value in self.skeletons.values()]
        return loss + self.lam * torch.stack(sizes).sum()

    def choose(self) -> MaskSet:
        """Return masks that are constant along the input channels."""
        values = {name: value.detach().abs() for name, value in self.skeletons.items()}
        masks = {}
        for name, stay in self._stay(values).items():
            shape = self.module.get_parameter(f"{name}.weight").shape
            masks[name] = stay.expand(shape).clone()
        return MaskSet(masks)

    def _stay(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return which stripes stay, bool of each skeleton's shape."""
        if self.sparsity is None:
            stay = {name: value >= self.threshold for name, value in values.items()}
        else:
            flat = torch.cat([value.reshape(-1) for value in values.values()])
            gone = smallest(flat, count_of(self.sparsity, flat.numel()))
            parts = torch.split(gone, [value.numel() for value in values.values()])
            stay = {
                name: ~part.reshape(value.shape)
                for (name, value), part in zip(values.items(), parts, strict=True)
            }
        for name, value in values.items():
            if not bool(stay[name].any()):
                stay[name] = value == value.max()
        return stay

    def remarks(self) -> dict[str, float]:
        """Return the mean of the skeletons and the share below the threshold."""
        every = torch.cat([v.detach().abs().reshape(-1) for v in self.parameters()])
        small = float((every < self.threshold).float().mean())
        return {"mean_skeleton": float(every.mean()), "small_stripes": small}

    def state(self) -> dict[str, Any]:
        """Return masks and skeletons."""
        return {**super().state(), "skeletons": dict(self.settled())}

    def load(self, state: dict[str, Any]) -> None:
        """Take them back."""
        super().load(state)
        with torch.no_grad():
            for name, value in state["skeletons"].items():
                self.skeletons[name].copy_(value)


def striped_layers(network: Network) -> list[Layer]:
    """Return the convolutions whose filters have stripes; the first is protected."""
    special = protected_layers(network)
    return [
        layer
        for layer in network.layers
        if layer.kind == "conv"
        and layer.kernel_size != (1, 1)
        and not layer.depthwise
        and layer.id not in special
    ]
