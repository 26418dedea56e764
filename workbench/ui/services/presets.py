"""Recipes that people start from.

Belongs here: one line a preset. Does not belong here: the buttons.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import workbench as wb

if TYPE_CHECKING:
    from workbench.pruning.recipe.recipe import Recipe


@dataclass(frozen=True)
class Preset:
    """A uniform recipe with a title and why one would start from it."""

    title: str
    why: str
    method: str
    sparsity: float
    params: Mapping[str, object] = field(default_factory=dict)

    def recipe(self, model: str, seed: int) -> "Recipe":
        """Return the recipe for a model and seed."""
        made: Recipe = wb.Recipe.uniform(self.method, self.sparsity, **self.params)
        return made.model_copy(update={"model": model, "seed": seed})


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "pattern": Preset(
            "Patterns",
            "Four weights stay in every 3 × 3 kernel, in one of 8 shapes: regular "
            "enough to be fast, fine enough to stay accurate.",
            "pattern",
            5 / 9,
            {"patterns": 8},
        ),
        "pconv": Preset(
            "PCONV 70 %",
            "Patterns, and whole kernels removed between them.",
            "pconv",
            0.7,
            {"patterns": 8},
        ),
        "magnitude": Preset(
            "Magnitude 80 %",
            "The smallest weights go, anywhere: most accurate for its sparsity.",
            "magnitude",
            0.8,
        ),
        "filter": Preset(
            "Filters 30 %",
            "Whole filters go, with all that is coupled to them: a smaller dense "
            "network, fast in any engine.",
            "filter",
            0.3,
        ),
    }
)
