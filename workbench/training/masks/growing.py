"""Masks that grow while training: gradual pruning and prune-retrain rounds.

Belongs here: the technique. Does not belong here: the ramps (``ramps.py``) or the
choice of weights (the recipe's own methods).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import nn

from workbench.models.network import Network
from workbench.pruning.method import MaskSet
from workbench.pruning.prune import prune
from workbench.pruning.recipe.recipe import Recipe
from workbench.training.masks.frozen import FrozenMasks, mask_set
from workbench.training.masks.ramps import Ramp, grown, require_growth


class GrowingMasks(FrozenMasks):
    """Prunes the network in training again and again, each time a little more.

    What was removed is zero, scores least, and stays removed; nothing else depends on
    how often masks are made anew.

    Parameters
    ----------
    base : Network
        The dense network, from whose weights the run starts.
    recipe : Recipe
        The final one; its methods choose the weights.
    ramp : Ramp
        How it grows.
    """

    def __init__(self, base: Network, recipe: Recipe, ramp: Ramp) -> None:
        super().__init__(MaskSet({}))
        require_growth(recipe, ramp.schedule)
        self.recipe, self.ramp = recipe, ramp
        self.identity = f"{ramp} {recipe.dump()}"
        self._base = base
        self._network: Network | None = None
        self._done = -1

    def prepare(self, module: nn.Module) -> None:
        """Look at the copy that is being trained."""
        super().prepare(module)
        self._network = replace(self._base, module=module)

    def before_step(self, progress: float) -> None:
        """Make the masks anew when the ramp has moved on."""
        update = self.ramp.update(progress)
        if update == self._done or self._network is None:
            return
        self._done = update
        pruned = prune(self._network, grown(self.recipe, self.ramp, update))
        self.hold(mask_set(pruned))

    def state(self) -> dict[str, Any]:
        """Return the masks and how often they were made."""
        return {**super().state(), "done": self._done}

    def load(self, state: dict[str, Any]) -> None:
        """Take both back."""
        super().load(state)
        self._done = state["done"]
