"""Pruning: recipes, methods, masks, coupling groups, physical removal."""

from workbench.pruning.methods import METHODS
from workbench.pruning.prune import prune
from workbench.pruning.pruned import PrunedNetwork
from workbench.pruning.recipe.recipe import Recipe
from workbench.pruning.recipe.rule import Finetune, Rule
from workbench.pruning.report import LayerReport, PruneReport
from workbench.pruning.shrink import shrink

__all__ = [
    "METHODS",
    "Finetune",
    "LayerReport",
    "PruneReport",
    "PrunedNetwork",
    "Recipe",
    "Rule",
    "prune",
    "shrink",
]
