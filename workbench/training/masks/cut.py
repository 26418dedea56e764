"""Techniques of two phases: learn what matters, then cut and train on.

Belongs here: the switch between the phases. Does not belong here: how a technique
learns what matters (``slimming.py``, ``skeleton.py``, ``gates.py``).
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from torch import nn

from workbench.pruning.method import MaskSet
from workbench.pruning.recipe.recipe import Recipe
from workbench.training.masks.frozen import FrozenMasks


class Cut(FrozenMasks):
    """Learns without masks up to ``switch`` of the run, then holds those it chose.

    Parameters
    ----------
    switch : float
        Share of the run before the cut, 0..1; 1 cuts before the last step.
    """

    def __init__(self, switch: float) -> None:
        super().__init__(MaskSet({}))
        self.switch = switch
        self.done = False

    @property
    @abstractmethod
    def recipe(self) -> Recipe:
        """The one-shot recipe nearest to what was chosen: same methods, same counts."""

    @abstractmethod
    def choose(self) -> MaskSet:
        """Return the masks, from what was learned; called once."""

    @abstractmethod
    def remarks(self) -> dict[str, float]:
        """Return what to say of an epoch before the cut."""

    def before_step(self, progress: float) -> None:
        """Cut when its time has come."""
        if not self.done and progress >= self.switch:
            found = self.choose()
            self.done = True
            self.hold(found)

    def after_epoch(self, result: nn.Module) -> dict[str, float]:
        """Return the remarks before the cut, the zeros counted after it."""
        return super().after_epoch(result) if self.done else self.remarks()

    def state(self) -> dict[str, Any]:
        """Return the masks and whether they were cut."""
        return {**super().state(), "done": self.done}

    def load(self, state: dict[str, Any]) -> None:
        """Take both back."""
        super().load(state)
        self.done = bool(state["done"])
