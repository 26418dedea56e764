"""A method's recipe at a given share of the dense MACs, so that methods compare fairly.

Belongs here: finding how strongly a method must prune. Does not belong here: pruning
itself (``pruning``) and what comes of it (``benchmarks/methods.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from types import MappingProxyType
from typing import Any

from workbench.data.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.models.network import Network
from workbench.pruning.method import MethodError
from workbench.pruning.methods import METHODS
from workbench.pruning.prune import prune
from workbench.pruning.pruned import PrunedNetwork
from workbench.pruning.recipe.errors import RecipeError
from workbench.pruning.recipe.recipe import Recipe
from workbench.pruning.recipe.rule import Rule

GRID = 32
"""Strengths tried first: where a strength is refused a layer stays dense, so that the
share is not monotone everywhere and plain bisection would get lost."""

CLOSE = 0.001
BISECTIONS = 12


@dataclass(frozen=True, eq=False)
class AtMacs:
    """A pruning whose theoretical MACs are as near to the target as the method gets.

    Parameters
    ----------
    recipe : Recipe
        One rule.
    pruned : PrunedNetwork
        What it gives.
    share : float
        Theoretical MACs over dense MACs, 0..1.
    least : float
        Smallest share among all strengths that were tried.
    """

    recipe: Recipe
    pruned: PrunedNetwork
    share: float
    least: float


def macs_share(pruned: PrunedNetwork) -> float:
    """Return the theoretical MACs left over the dense MACs, counted from the masks."""
    dense = kept = 0
    for layer, row in zip(pruned.layers, pruned.report.layers, strict=True):
        dense += layer.macs
        kept += (row.weights - row.zeros) * (layer.macs // layer.params)
    return kept / dense


def at_macs(
    network: Network,
    method: str,
    share: float,
    *,
    data: Dataset | None = None,
    seed: int = 0,
    params: Mapping[str, Any] = MappingProxyType({}),
) -> AtMacs:
    """Return the method's pruning nearest to a share of the dense MACs.

    The rule matches "*", so that the first convolution and the classifier stay dense.
    Methods whose parameters are whole numbers (n:m, HetConv's P, blocks of a network)
    reach few shares; look at ``share`` before comparing. Strengths that a method
    refuses for some layers are not taken while others are left.

    Parameters
    ----------
    network : Network
        Dense.
    method : str
        Key of ``METHODS``; its ``at_sparsity`` says how strength becomes parameters.
    share : float
        Theoretical MACs over dense MACs, 0..1.
    data : Dataset, optional
        For criteria that look at images.
    seed : int
        The recipe's.
    params : mapping
        Further parameters of the method; ``{"p": (1, 2, 3)}`` searches these values.

    Raises
    ------
    WorkbenchError
        The share lies outside 0..1, or no strength removes anything.
    """
    if not 0 < share <= 1:
        raise WorkbenchError(
            f"a share of {share:g} of the dense MACs",
            "a number above 0, at most 1",
            "Write 0.3 for 30 %.",
        )
    plain = {key: one for key, one in params.items() if not isinstance(one, tuple)}
    search = _Search(network, method, data, seed, plain)
    listed = [key for key in params if key not in plain]
    if listed:
        for values in product(*(params[key] for key in listed)):
            search.try_rule(dict(zip(listed, values, strict=True)))
        return search.nearest(share)
    grid = [search.share(step / GRID * 0.995) for step in range(GRID + 1)]
    for lower in range(GRID):
        above, below = grid[lower], grid[lower + 1]
        if above is not None and below is not None and above > share >= below:
            search.bisect(lower / GRID * 0.995, (lower + 1) / GRID * 0.995, share)
    return search.nearest(share)


@dataclass
class _Search:
    """All strengths tried so far."""

    network: Network
    method: str
    data: Dataset | None
    seed: int
    params: Mapping[str, Any]
    tried: dict[Recipe, float] = field(default_factory=dict)
    reach: dict[Recipe, int] = field(default_factory=dict)
    refusal: str = ""

    def share(self, strength: float) -> float | None:
        """Return the share at a strength, or None where the method refuses it."""
        try:
            found = METHODS[self.method].at_sparsity(strength)
        except MethodError as error:
            self.refusal = str(error)
            return None
        return self.try_rule(found)

    def try_rule(self, found: Mapping[str, Any]) -> float | None:
        """Return the share under these parameters, or None where they are refused."""
        try:
            rule = Rule.of("*", self.method, **{**found, **self.params})
            recipe = Recipe(seed=self.seed, layers=(rule,))
            if recipe not in self.tried:
                pruned = prune(self.network, recipe, self.data)
                self.tried[recipe] = macs_share(pruned)
                self.reach[recipe] = sum(
                    not row.note.startswith("left dense")
                    for row in pruned.report.layers
                )
        except (MethodError, RecipeError) as error:
            self.refusal = str(error)
            return None
        return self.tried[recipe]

    def bisect(self, low: float, high: float, target: float) -> None:
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            found = self.share(middle)
            if found is None or abs(found - target) < CLOSE:
                return
            low, high = (middle, high) if found > target else (low, middle)

    def nearest(self, target: float) -> AtMacs:
        if not any(share < 1 for share in self.tried.values()):
            reason = self.refusal or "every layer is left dense"
            raise WorkbenchError(
                f"method '{self.method}', which removes nothing here ({reason})",
                "a method that can prune this network",
                "Choose another method.",
            )
        widest = max(self.reach.values())
        shares = {r: s for r, s in self.tried.items() if self.reach[r] == widest}
        best = min(shares, key=lambda recipe: abs(shares[recipe] - target))
        pruned = prune(self.network, best, self.data)
        return AtMacs(best, pruned, shares[best], min(shares.values()))
