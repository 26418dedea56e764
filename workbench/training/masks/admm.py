"""ADMM pruning: weights are pulled towards the nearest pruned ones before the cut.

Belongs here: the technique, for every method that is a projection (patterns,
connectivity, magnitude, filters, ...). Does not belong here: the projections, which
are the recipe's own methods.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from workbench.errors import WorkbenchError
from workbench.models.network import Network
from workbench.pruning.method import MaskSet
from workbench.pruning.prune import prune
from workbench.pruning.pruned import PrunedNetwork
from workbench.pruning.recipe.recipe import Recipe
from workbench.training.masks.frozen import FrozenMasks, mask_set
from workbench.training.masks.ramps import Ramp, grown


class Admm(FrozenMasks):
    """Trains W under ``W = Z``, Z pruned, then cuts and holds the masks.

    In turn: W takes steps on the loss; ``U += dual (W - Z)``; ``Z = project(W + U)``;
    and W takes a proximal step on ``|W - Z + U|^2``, which closes the share ``pull`` of
    that gap. The projection prunes a little more each time, along the cubic ramp. From
    ``switch`` of the run on W is cut to its own projection and trained with frozen
    masks. docs/decisions/096 has what other forms of it reached.

    Parameters
    ----------
    base : Network
        The dense network, from whose weights the run starts.
    recipe : Recipe
        Its methods are the projection.
    pull : float
        Share of the gap to Z - U that each update closes, 0 < pull <= 1: the penalty
        rho of the papers as ``rho / (1 + rho)``.
    dual : float
        Step of U, 0..1; 1 is plain ADMM, which overshoots when W has had few steps.
    switch : float
        Share of the run that is ADMM, 0 < switch < 1.
    updates : int
        How often Z and U are renewed.

    Source
    ------
    Zhang et al., "A Systematic DNN Weight Pruning Framework using ADMM", 2018,
    equations 6 to 10; Ye et al., "Progressive DNN Compression", 2019 (the rising
    sparsity); Ma et al., PCONV, 2020; Boyd et al., 2011, sections 3.1.1 and 3.4.3.
    """

    def __init__(
        self,
        base: Network,
        recipe: Recipe,
        *,
        pull: float = 0.4,
        dual: float = 0.1,
        switch: float = 0.75,
        updates: int = 50,
    ) -> None:
        super().__init__(MaskSet({}))
        self.recipe, self.pull, self.dual = recipe, pull, dual
        self.switch, self.updates = switch, updates
        self.identity = f"ADMM {pull} {dual} {switch} {updates} {recipe.dump()}"
        self._ramp = Ramp("gradual", updates=updates)
        self._base = base
        self._probe: Network | None = None
        self._weights: dict[str, nn.Parameter] = {}
        self._target: dict[str, Tensor] = {}
        self._dual: dict[str, Tensor] = {}
        self._done = -1

    def prepare(self, module: nn.Module) -> None:
        """Take the layers that the recipe prunes, and project them once."""
        super().prepare(module)
        self._probe = replace(self._base, module=copy.deepcopy(module))
        layers = prune(self._probe, self.recipe).masks
        if not layers:
            raise WorkbenchError(
                "a recipe that removes nothing, for ADMM",
                "rules that remove weights",
                "Raise the sparsity, or prune the network first.",
            )
        self._weights = {
            layer: module.get_parameter(f"{layer}.weight") for layer in layers
        }
        self._dual = {
            layer: torch.zeros_like(weight) for layer, weight in self._weights.items()
        }

    @property
    def cut(self) -> bool:
        """Whether the first phase is over."""
        return self._done >= self.updates

    @torch.no_grad()
    def before_step(self, progress: float) -> None:
        """Renew Z and U when their turn has come; cut at the end of the phase."""
        update = int(min(progress / self.switch, 1.0) * self.updates + 1e-9)
        if update == self._done:
            return
        if update < self.updates:
            for name, target in self._target.items():
                self._dual[name] += self.dual * (self._weights[name] - target)
        self._done = update
        if self.cut:
            self.hold(mask_set(self._projection(self.recipe, with_dual=False)))
            return
        # The first projection already removes something: the ramp is one update ahead.
        self._target = self._projected(grown(self.recipe, self._ramp, update + 1))
        for name, weight in self._weights.items():
            gap = weight - self._target[name] + self._dual[name]
            weight.sub_(gap, alpha=self.pull)

    @torch.no_grad()
    def residual(self) -> float:
        """Return how far W is from the recipe's own pruning of it, over ``|W|``."""
        pruned = self._projection(self.recipe, with_dual=False)
        gap = whole = 0.0
        for name, weight in self._weights.items():
            mask = pruned.masks.get(name)
            whole += float(weight.square().sum())
            gap += 0.0 if mask is None else float(weight[~mask].square().sum())
        return float((gap / whole) ** 0.5) if whole else 0.0

    def after_epoch(self, result: nn.Module) -> dict[str, float]:
        """Return the residual in the first phase, the zeros counted in the second."""
        if self.cut:
            return super().after_epoch(result)
        return {"residual": self.residual()}

    def state(self) -> dict[str, Any]:
        """Return masks, Z, U and the number of updates."""
        own = {"target": self._target, "dual": self._dual, "done": self._done}
        return {**super().state(), **own}

    def load(self, state: dict[str, Any]) -> None:
        """Take them back."""
        super().load(state)
        self._target, self._dual = dict(state["target"]), dict(state["dual"])
        self._done = state["done"]

    def _projected(self, recipe: Recipe) -> dict[str, Tensor]:
        """Return Z: the projection of W + U."""
        pruned = self._projection(recipe)
        return {
            name: pruned.module.get_parameter(f"{name}.weight").detach()
            for name in self._weights
        }

    @torch.no_grad()
    def _projection(self, recipe: Recipe, *, with_dual: bool = True) -> PrunedNetwork:
        """Return W + U (or W) pruned by the recipe."""
        if self._probe is None or self._module is None:
            raise WorkbenchError(
                "ADMM before it has a network",
                "prepare(module) first",
                "Give it to fit() among the hooks' techniques.",
            )
        self._probe.module.load_state_dict(self._module.state_dict())
        if with_dual:
            for name, dual in self._dual.items():
                self._probe.module.get_parameter(f"{name}.weight").add_(dual)
        return prune(self._probe, recipe)
