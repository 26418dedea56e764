"""Which rule of a recipe speaks for which layer of a network.

Belongs here: matching, the protection of the first convolution and the classifier.
Does not belong here: what the rule then does (``prune``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase

from workbench.models.network import Layer, Network
from workbench.pruning.coupling.ties import tied_layers
from workbench.pruning.recipe.errors import RecipeError
from workbench.pruning.recipe.recipe import Recipe
from workbench.pruning.recipe.rule import Rule


@dataclass(frozen=True)
class Assignment:
    """What the recipe says of one layer.

    Parameters
    ----------
    layer : Layer
        The layer.
    index : int
        Number of the rule that decides, from 0; -1 without one.
    rule : Rule or None
        That rule.
    protected : str or None
        What the layer is ("the first convolution"), where a wildcard would have
        pruned it and was kept from it.
    tied : str or None
        Where another layer with the same weight decided: that layer.
    """

    layer: Layer
    index: int = -1
    rule: Rule | None = None
    protected: str | None = None
    tied: str | None = None

    @property
    def method(self) -> str:
        """The method that the recipe asks for; "none" for protected layers."""
        if self.rule is None or self.protected:
            return "none"
        return self.rule.method


def protected_layers(network: Network) -> Mapping[str, str]:
    """Return the layers that a wildcard leaves dense, and what each is.

    The papers' convention: the first convolution has few weights that everything
    depends on, and the classifier's rows are the classes. The classifier is the last
    linear layer, or the last convolution of a network without one.
    """
    convs = [layer.id for layer in network.layers if layer.kind == "conv"]
    linears = [layer.id for layer in network.layers if layer.kind == "linear"]
    found = {}
    if linears or convs:
        found[(linears or convs)[-1]] = "the classifier"
    if convs:
        found[convs[0]] = "the first convolution"
    return found


def assign(recipe: Recipe, network: Network) -> tuple[Assignment, ...]:
    """Return what the recipe says of every layer, in the network's order.

    The last rule that matches a layer decides. A wildcard does not reach a protected
    layer, except to say ``none``. Layers with one weight between them have one
    decision, that of the last rule that matches any of them; a protected one protects
    all.

    Raises
    ------
    RecipeError
        A rule matches no layer of the network.
    """
    for rule in recipe.layers:
        _refuse_unmatched(rule, network)
    special = protected_layers(network)
    alone = {layer.id: _assigned(layer, recipe, special) for layer in network.layers}
    ties = tied_layers(network)
    return tuple(
        _together(found, [alone[name] for name in ties.get(layer_id, ())])
        for layer_id, found in alone.items()
    )


def _together(found: Assignment, tied: list[Assignment]) -> Assignment:
    """Return the decision about a layer and those that have the same weight."""
    if not tied:
        return found
    last = max(tied, key=lambda one: (one.index, one.protected is not None))
    if (found.index, found.protected) == (last.index, last.protected):
        return found
    return replace(last, layer=found.layer, tied=last.layer.id)


def _assigned(layer: Layer, recipe: Recipe, special: Mapping[str, str]) -> Assignment:
    shielded: Assignment | None = None
    for index in range(len(recipe.layers) - 1, -1, -1):
        rule = recipe.layers[index]
        if not fnmatchcase(layer.id, rule.match):
            continue
        if layer.id not in special or rule.explicit or rule.method == "none":
            return Assignment(layer, index, rule)
        shielded = shielded or Assignment(layer, index, rule, special[layer.id])
    return shielded or Assignment(layer)


def _refuse_unmatched(rule: Rule, network: Network) -> None:
    ids = [layer.id for layer in network.layers]
    if any(fnmatchcase(layer_id, rule.match) for layer_id in ids):
        return
    near = get_close_matches(rule.match, ids, n=3) or ids[:3]
    raise RecipeError(
        f"{rule.place}: match '{rule.match}', which no layer of "
        f"'{network.name}' has as its id",
        f"a layer id or a pattern, for example {', '.join(near)}",
        f"List the layers with: python -m workbench inspect {network.name}",
    )
