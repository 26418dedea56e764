"""Schedules of sparsity: how far a recipe has grown after a share of the run.

Belongs here: the ramps as pure functions, and recipes on the way to their final
sparsity. Does not belong here: applying them while training (``growing.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.errors import WorkbenchError
from workbench.pruning.recipe.recipe import Recipe
from workbench.pruning.recipe.rule import Rule

# The parameter that a method's sparsity grows by, where it has one.
_GROWING = ("sparsity", "connectivity", "ratio")


def cubic(progress: float, final: float, *, initial: float = 0.0) -> float:
    """Return s_t = s_f + (s_i - s_f) (1 - t)^3.

    Parameters
    ----------
    progress : float
        Share t of the ramp that is done, 0..1; beyond 1 it stays at ``final``.
    final, initial : float
        Sparsities, 0..1.

    Source
    ------
    Zhu and Gupta, "To prune, or not to prune", 2017, equation 1.

    Examples
    --------
    >>> [round(cubic(t, 0.8), 4) for t in (0.0, 0.5, 1.0, 2.0)]
    [0.0, 0.7, 0.8, 0.8]
    """
    left = 1 - min(max(progress, 0.0), 1.0)
    return final + (initial - final) * left**3


def in_rounds(progress: float, final: float, *, rounds: int) -> float:
    """Return the sparsity of the round that is running: 1 - (1 - s_f)^(r / R).

    Each round removes the same share of what is left; the first starts at once.

    Source
    ------
    Han et al., "Learning both Weights and Connections", 2015, section 3.4.

    Examples
    --------
    Three rounds to 0.875 halve what is left each time.

    >>> [in_rounds(t, 0.875, rounds=3) for t in (0.0, 0.4, 0.7, 1.0)]
    [0.5, 0.75, 0.875, 0.875]
    """
    done = min(rounds, int(progress * rounds + 1e-9) + 1)
    if done == rounds:
        return final
    return float(1 - (1 - final) ** (done / rounds))


@dataclass(frozen=True)
class Ramp:
    """How sparsity grows over a run.

    Parameters
    ----------
    schedule : str
        "gradual" (cubic) or "iterative" (rounds of pruning and retraining).
    rounds : int
        Of the iterative schedule.
    end : float
        Share of the run, 0 < end <= 1, at which the gradual ramp has arrived.
    updates : int
        How often the gradual ramp makes masks anew.
    """

    schedule: str
    rounds: int = 3
    end: float = 0.75
    updates: int = 40

    def update(self, progress: float) -> int:
        """Return the number of the update that holds after a share of the run."""
        if self.schedule == "iterative":
            return min(self.rounds - 1, int(progress * self.rounds + 1e-9))
        return int(min(progress / self.end, 1.0) * self.updates + 1e-9)

    def sparsity(self, update: int, final: float) -> float:
        """Return the sparsity of an update on the way to the final one."""
        if self.schedule == "iterative":
            return in_rounds(update / self.rounds, final, rounds=self.rounds)
        return cubic(update / self.updates, final)


def grown(recipe: Recipe, ramp: Ramp, update: int) -> Recipe:
    """Return the recipe as it stands at an update of the ramp.

    Rules without a sparsity to grow (n:m, HetConv, ``none``) hold from the start.

    Parameters
    ----------
    recipe : Recipe
        The final one.
    ramp : Ramp
        How it grows.
    update : int
        As ``ramp.update`` counts them.

    Examples
    --------
    >>> ramp = Ramp("gradual", updates=40)
    >>> half = grown(Recipe.uniform("magnitude", 0.8), ramp, 20)
    >>> round(half.layers[0].params.sparsity, 4)
    0.7
    """
    rules = tuple(_grown(rule, ramp, update) for rule in recipe.layers)
    return recipe.model_copy(update={"layers": rules})


def require_growth(recipe: Recipe, schedule: str) -> None:
    """Raise unless a rule of the recipe has a sparsity that can grow.

    Raises
    ------
    WorkbenchError
        No rule has.
    """
    if not any(_key(rule) for rule in recipe.layers):
        methods = sorted({rule.method for rule in recipe.layers}) or ["no rule"]
        raise WorkbenchError(
            f"schedule '{schedule}' for {', '.join(methods)}",
            f"a rule with one of {', '.join(_GROWING)} above 0, to let it grow",
            "Use schedule one-shot or admm.",
        )


def _key(rule: Rule) -> str | None:
    """Return the parameter by which the rule grows, or None."""
    for key in _GROWING:
        if getattr(rule.params, key, 0):
            return key
    return None


def _grown(rule: Rule, ramp: Ramp, update: int) -> Rule:
    key = _key(rule)
    if key is None:
        return rule
    value = ramp.sparsity(update, getattr(rule.params, key))
    params = {**rule.params.model_dump(), key: value}
    return Rule.of(rule.match, rule.method, **params).at(rule.place)
