"""Choosing and masking whole channels by coupling group.

Belongs here: what ``filter``, ``channel`` and ``slimming`` share: who decides about a
group, how its units are scored, how many go, and what is masked. Does not belong
here: finding the groups (``groups``) or cutting (``shrink``).

A removed channel is masked everywhere it exists: the producers' rows and biases, the
batch norms' scales and offsets, and the consumers' columns. It then emits exactly
zero through any zero-preserving activation, and nobody reads it through any other, so
that the masked network equals the physically shrunk one
(docs/decisions/010-masked-equals-shrunk.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import torch

from workbench.pruning.coupling.values import CouplingGroup, Side
from workbench.pruning.criteria import score
from workbench.pruning.method import Context, MaskSet, Refusal, Target
from workbench.pruning.select import count_of, global_masks, smallest

WANTS: Mapping[Side, tuple[str, ...]] = MappingProxyType(
    {"out": ("filter", "slimming"), "in": ("channel",)}
)
CHANNEL_METHODS = frozenset(name for names in WANTS.values() for name in names)

UnitScores = Callable[[CouplingGroup], torch.Tensor]


@dataclass(frozen=True)
class Choice:
    """How many units go.

    Parameters
    ----------
    sparsity : float
        Share of the units that go, 0 <= sparsity < 1.
    round_to : int
        A group's kept units become a multiple of this (nearest, one at least).
    scope : "layer" or "global"
        Share of each group, or one threshold over all groups of the rule.
    floor : float
        With global scope, the share of each group's units that stays in any case.
    """

    sparsity: float
    round_to: int = 1
    scope: Literal["layer", "global"] = "layer"
    floor: float = 0.0


def channel_masks(
    targets: Sequence[Target],
    context: Context,
    *,
    side: Side,
    scores: UnitScores,
    choice: Choice,
) -> MaskSet:
    """Return the masks of one channel rule over all groups that it decides.

    Parameters
    ----------
    targets : sequence of Target
        The rule's layers.
    context : Context
        Gives the groups, the weights and the votes.
    side : "out" or "in"
        Which side of the targets the rule means: filters or input channels.
    scores : callable ``(group) -> (size,) tensor``
        Score of each unit; larger stays.
    choice : Choice
        How many go.
    """
    gathered = _Gathered(context)
    ranked: dict[str, tuple[CouplingGroup, torch.Tensor]] = {}
    for group in context.groups():
        voters = [t for t in targets if (t.id, side) in _sides(group)]
        if not voters:
            continue
        if _superseded(group, context):
            for target in voters:
                gathered.notes[target.id] = "left to a later rule of a coupled layer"
            continue
        refusal = _objection(group, voters, context, choice)
        if refusal is not None:
            for target in voters:
                gathered.keep(target, refusal)
            continue
        ranked[group.root] = group, scores(group).double()
    for root, count in _counts(ranked, choice).items():
        group, total = ranked[root]
        gone = smallest(total, count).numpy()
        gathered.remove(group, leaving_some(group, gone, total.numpy()))
    for target in targets:
        if target.id not in gathered.notes and target.id not in gathered.done[side]:
            gathered.keep(target, _no_group(target, side))
    return MaskSet(gathered.masks, gathered.others, gathered.notes)


def _counts(
    ranked: Mapping[str, tuple[CouplingGroup, torch.Tensor]], choice: Choice
) -> dict[str, int]:
    """Return how many units of each group go, by the group's root."""
    if choice.scope == "layer":
        removed = {
            root: count_of(choice.sparsity, group.size)
            for root, (group, _) in ranked.items()
        }
    else:
        scores = {root: total for root, (_, total) in ranked.items()}
        kept = global_masks(scores, choice.sparsity, choice.floor) if scores else {}
        removed = {root: int((~mask).sum()) for root, mask in kept.items()}
    return {
        root: units_to_remove(ranked[root][0].size, count, choice.round_to)
        for root, count in removed.items()
    }


def _sides(group: CouplingGroup) -> set[tuple[str, Side]]:
    return {(member.layer, member.side) for member in group.members}


def _objection(
    group: CouplingGroup, voters: list[Target], context: Context, choice: Choice
) -> Refusal | None:
    """Return why this rule may not prune the group, or None."""
    if group.blocked:
        return Refusal(
            f"channels of {group.root!r} that cannot be removed: {group.blocked}",
            "channels between two layers, through batch norm, sums and activations",
            "Use a method that keeps shapes (magnitude, kernel, pattern).",
        )
    loser = _outvoted(group, context)
    if loser is not None:
        return Refusal(
            f"channels shared with {loser!r}, which the recipe keeps",
            "one decision for all coupled layers",
            f"Add a rule that names {loser!r}, or choose 'kernel' here.",
        )
    removed = count_of(choice.sparsity, group.size)
    if choice.scope == "layer" and removed >= group.size:
        most = (group.size - 1) / group.size
        return Refusal(
            f"sparsity {choice.sparsity:g} of {group.size} channels of {group.root!r}",
            "at least one channel left",
            f"Write at most {np.floor(most * 1000) / 1000:g}.",
        )
    return None


def _outvoted(group: CouplingGroup, context: Context) -> str | None:
    """Return the producer whose rule keeps the group whole, or None.

    The last rule that speaks for any producer decides; a producer kept dense, or
    pruned by a method that keeps shapes, wins over a filter rule of the same index.
    Members without a rule follow.
    """
    for layer in group.producers:
        vote = context.votes.get(layer)
        if vote is None or vote.method in CHANNEL_METHODS:
            continue
        if vote.rule >= context.rule:
            return layer
    return None


def _superseded(group: CouplingGroup, context: Context) -> bool:
    """Return whether a later channel rule decides about the same group."""
    votes = [
        vote
        for member in group.members
        if (vote := context.votes.get(member.layer)) is not None
        and vote.method in WANTS[member.side]
    ]
    return any(vote.rule > context.rule for vote in votes)


def unit_scores(
    group: CouplingGroup, side: Side, *, criterion: str, context: Context
) -> torch.Tensor:
    """Return each unit's score, the sum over its members' weights, float64 (size,)."""
    total = torch.zeros(group.size, dtype=torch.float64)
    for member in group.members:
        if member.side != side:
            continue
        weight = context.weights[member.layer]
        scores = score(criterion, member.layer, weight=weight, context=context)
        rows = scores if side == "out" else scores.transpose(0, 1)
        sums = rows.flatten(1).sum(dim=1, dtype=torch.float64)
        units = torch.from_numpy(member.units)[: sums.numel()]
        inside = units >= 0
        total.index_add_(0, units[inside], sums[inside])
    return total


def leaving_some(
    group: CouplingGroup, gone: np.ndarray, scores: np.ndarray
) -> np.ndarray:
    """Return the units that go, less the best of each tensor that would be empty.

    Producers of a concatenation have a part of a group's units each.
    """
    left = gone.copy()
    for units in group.least:
        if left[units].all():
            left[units[scores[units].argmax()]] = False
    return left


def units_to_remove(size: int, removed: int, round_to: int) -> int:
    """Return how many units go, once the kept ones are rounded.

    Examples
    --------
    >>> units_to_remove(16, 10, 1), units_to_remove(16, 10, 4)
    (10, 8)
    """
    rounded = max(1, int((size - removed) / round_to + 0.5)) * round_to
    return size - min(size, rounded)


def _no_group(target: Target, side: Side) -> Refusal:
    what = "output" if side == "out" else "input"
    return Refusal(
        f"the {what} channels of {target.id!r}, which nothing else shares",
        "channels between two layers of the network",
        "The network's own inputs and classes stay; prune another layer.",
    )


class _Gathered:
    """Masks and notes while the groups of one rule are being decided."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.masks: dict[str, torch.Tensor] = {}
        self.others: dict[str, torch.Tensor] = {}
        self.notes: dict[str, str] = {}
        self.done: dict[Side, set[str]] = {"out": set(), "in": set()}

    def keep(self, target: Target, refusal: Refusal) -> None:
        """Leave a target whole: an error if it was named, else a note."""
        if target.explicit:
            raise refusal.raised()
        self.notes[target.id] = f"left dense: {refusal}"

    def remove(self, group: CouplingGroup, gone: np.ndarray) -> None:
        """Mask the units ``gone`` (bool, one a unit) wherever they exist."""
        for member in group.members:
            self.done[member.side].add(member.layer)
            cut = torch.from_numpy((member.units >= 0) & gone[member.units])
            mask = self.masks.setdefault(
                member.layer,
                torch.ones(self.context.weights[member.layer].shape, dtype=torch.bool),
            )
            if member.side == "out":
                mask[cut] = False
                self._other(f"{member.layer}.bias", cut)
            else:
                mask[:, cut[: mask.shape[1]]] = False
            self._tell(group, member.layer)
        for one in group.followers:
            cut = torch.from_numpy((one.units >= 0) & gone[one.units])
            self._other(one.parameter, cut, one.axis)

    def _other(self, name: str, cut: torch.Tensor, axis: int = 0) -> None:
        shape = self.context.shapes.get(name, cut.shape)
        keep = self.others.setdefault(name, torch.ones(shape, dtype=torch.bool))
        keep.transpose(0, axis)[cut] = False

    def _tell(self, group: CouplingGroup, layer: str) -> None:
        shared = [name for name in group.producers if name != layer]
        if layer in group.producers and shared:
            text = "channels shared with " + ", ".join(shared)
        elif layer not in group.producers:
            text = "input channels removed with " + ", ".join(group.producers)
        else:
            return
        self.notes[layer] = "; ".join(filter(None, (self.notes.get(layer), text)))
