"""Network slimming: an L1 penalty on batch-norm scales, then channels go.

Belongs here: the technique. Does not belong here: the choice of channels by scale
(the method ``slimming``).
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from workbench.errors import WorkbenchError
from workbench.models.network import Network
from workbench.pruning.method import MaskSet
from workbench.pruning.neighbours import norms_after
from workbench.pruning.prune import prune
from workbench.pruning.recipe.recipe import Recipe
from workbench.training.masks.cut import Cut
from workbench.training.masks.frozen import mask_set


class Slimming(Cut):
    """Adds ``lam * sign(gamma)`` to the gradient of every batch-norm scale.

    Parameters
    ----------
    base : Network
        The dense network, from whose weights the run starts.
    recipe : Recipe
        With rules of the method ``slimming``; prunes the trained scales.
    lam : float
        Weight of the penalty, 0 or more; the paper uses 1e-4 to 1e-5 over 160 epochs,
        short runs need more.
    switch : float
        Share of the run before the cut.

    Source
    ------
    Liu et al., "Learning Efficient Convolutional Networks through Network Slimming",
    2017, equation 1 and section 3.
    """

    def __init__(
        self, base: Network, recipe: Recipe, *, lam: float = 1e-3, switch: float = 0.6
    ) -> None:
        super().__init__(switch)
        if lam < 0:
            raise WorkbenchError(f"lam {lam}", "0 or more", "Try 0.001.")
        self._recipe, self.lam = recipe, lam
        self.identity = f"slimming {lam} {switch} {recipe.dump()}"
        self._base = base
        self._network: Network | None = None
        self._scales: list[nn.Parameter] = []

    @property
    def recipe(self) -> Recipe:
        """The recipe that prunes the trained scales."""
        return self._recipe

    def prepare(self, module: nn.Module) -> None:
        """Find the batch norms behind layers."""
        super().prepare(module)
        self._network = replace(self._base, module=module)
        self._scales = [
            module.get_parameter(f"{name}.weight")
            for name in sorted(set(norms_after(self._base).values()))
        ]
        if not self._scales:
            raise WorkbenchError(
                f"'{self._base.name}', which has no batch norm behind a layer",
                "batch norms, whose scales say how much a channel matters",
                "Use the method 'filter' or 'flops' for this network.",
            )

    def after_backward(self) -> None:
        """Add the subgradient of the penalty."""
        super().after_backward()
        if self.done:
            return
        for scale in self._scales:
            if scale.grad is not None:
                scale.grad.add_(torch.sign(scale.detach()), alpha=self.lam)

    def choose(self) -> MaskSet:
        """Return the masks of the recipe on the trained scales."""
        if self._network is None:
            return MaskSet({})
        return mask_set(prune(self._network, self._recipe))

    def remarks(self) -> dict[str, float]:
        """Return the mean scale and the share of scales near zero."""
        every = torch.cat([scale.detach().abs() for scale in self._scales])
        small = float((every < 0.1 * every.max()).float().mean())
        return {"mean_scale": float(every.mean()), "small_scales": small}
