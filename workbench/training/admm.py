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
from workbench.pruning.recipe import Recipe
from workbench.training.frozen import FrozenMasks, mask_set
from workbench.training.technique import Batch


class Admm(FrozenMasks):
    """Trains W under ``W = Z``, Z pruned, then cuts and holds the masks.

    In turn: W takes steps on ``loss + rho / 2 |W - Z + U|^2``; ``Z = project(W + U)``;
    ``U += W - Z``. The penalty rho rises tenfold each third of the first phase (U is
    scaled to match). From ``switch`` of the run on W is cut to its own projection and
    trained with frozen masks.

    Parameters
    ----------
    base : Network
        The dense network, from whose weights the run starts.
    recipe : Recipe
        Its methods are the projection.
    rho : float
        First penalty, above 0.
    switch : float
        Share of the run that is ADMM, 0 < switch < 1.
    updates : int
        How often Z and U are renewed. U sums what W has not yet followed, so that
        renewing after a few steps only makes it overshoot: leave W time in between.

    Source
    ------
    Zhang et al., "A Systematic DNN Weight Pruning Framework using ADMM", 2018,
    equations 6 to 10; Ma et al., PCONV, 2020; Boyd et al., 2011, sections 3.1.1
    and 3.4.1.
    """

    def __init__(
        self,
        base: Network,
        recipe: Recipe,
        *,
        rho: float = 1e-2,
        switch: float = 0.5,
        updates: int = 5,
    ) -> None:
        super().__init__(MaskSet({}))
        self.recipe, self.rho, self.switch = recipe, rho, switch
        self.updates = updates
        self.identity = f"ADMM {rho} {switch} {updates} {recipe.dump()}"
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

    @property
    def penalty(self) -> float:
        """The rho of now."""
        return float(self.rho * 10 ** (3 * max(self._done, 0) // self.updates))

    def before_step(self, progress: float) -> None:
        """Renew Z and U when their turn has come; cut at the end of the phase."""
        update = int(min(progress / self.switch, 1.0) * self.updates + 1e-9)
        if update == self._done:
            return
        before = self.penalty
        if update >= self.updates:
            self._done = update
            self._dual = {name: torch.zeros_like(u) for name, u in self._dual.items()}
            self.hold(mask_set(self._projection()))
            return
        if self._done >= 0:
            for name, weight in self._weights.items():
                self._dual[name] += weight.detach() - self._target[name]
        self._done = update
        for dual in self._dual.values():
            dual *= before / self.penalty
        self._target = self._projected()

    def loss(self, loss: Tensor, batch: Batch) -> Tensor:
        """Return the loss with the pull towards Z - U."""
        if self.cut:
            return loss
        pull = [
            (weight - self._target[name] + self._dual[name]).square().sum()
            for name, weight in self._weights.items()
        ]
        return loss + self.penalty / 2 * torch.stack(pull).sum()

    @torch.no_grad()
    def residual(self) -> float:
        """Return how far W is from its nearest pruned weights, ``|W - Z| / |W|``."""
        pruned = self._projection(with_dual=False)
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
        return {"residual": self.residual(), "rho": self.penalty}

    def state(self) -> dict[str, Any]:
        """Return masks, Z, U and the number of updates."""
        own = {"target": self._target, "dual": self._dual, "done": self._done}
        return {**super().state(), **own}

    def load(self, state: dict[str, Any]) -> None:
        """Take them back."""
        super().load(state)
        self._target, self._dual = dict(state["target"]), dict(state["dual"])
        self._done = state["done"]

    @torch.no_grad()
    def _projected(self) -> dict[str, Tensor]:
        """Return Z: the projection of W + U."""
        pruned = self._projection()
        return {
            name: pruned.module.get_parameter(f"{name}.weight").detach()
            for name in self._weights
        }

    @torch.no_grad()
    def _projection(self, *, with_dual: bool = True) -> PrunedNetwork:
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
        return prune(self._probe, self.recipe)
