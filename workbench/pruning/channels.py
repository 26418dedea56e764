"""Choosing and masking whole channels by coupling group.

Belongs here: what the ``filter`` and ``channel`` methods share: who decides about a
group, how its units are scored, how many go, and what is masked. Does not belong
here: finding the groups (``groups``) or cutting (``shrink``).

A removed channel is masked everywhere it exists: the producers' rows and biases, the
batch norms' scales and offsets, and the consumers' columns. It then emits exactly
zero through any zero-preserving activation, and nobody reads it through any other, so
that the masked network equals the physically shrunk one
(docs/decisions/010-masked-equals-shrunk.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from workbench.pruning.criteria import score
from workbench.pruning.groups import CouplingGroup, Side
from workbench.pruning.method import Context, MaskSet, Refusal, Target
from workbench.pruning.select import count_of, smallest

WANTS: Mapping[Side, str] = {"out": "filter", "in": "channel"}


def channel_masks(
    targets: Sequence[Target],
    context: Context,
    *,
    side: Side,
    sparsity: float,
    criterion: str,
    round_to: int,
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
    sparsity : float
        Share of a group's units to remove, 0 <= sparsity < 1.
    criterion : str
        Key of ``CRITERIA``; a unit's score is the sum over its members' weights.
    round_to : int
        The kept units become a multiple of this (nearest, at least one multiple).
    """
    gathered = _Gathered(context)
    for group in context.groups():
        voters = [t for t in targets if (t.id, side) in _sides(group)]
        if not voters:
            continue
        if _superseded(group, context):
            for target in voters:
                gathered.notes[target.id] = "left to a later rule of a coupled layer"
            continue
        refusal = _objection(group, voters, context, sparsity)
        if refusal is not None:
            for target in voters:
                gathered.keep(target, refusal)
            continue
        total = _unit_scores(group, side, criterion, context)
        gone = smallest(total, _units_to_remove(group.size, sparsity, round_to))
        gathered.remove(group, gone.numpy())
    for target in targets:
        if target.id not in gathered.notes and target.id not in gathered.done[side]:
            gathered.keep(target, _no_group(target, side))
    return MaskSet(gathered.masks, gathered.others, gathered.notes)


def _sides(group: CouplingGroup) -> set[tuple[str, Side]]:
    return {(member.layer, member.side) for member in group.members}


def _objection(
    group: CouplingGroup, voters: list[Target], context: Context, sparsity: float
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
    if group.size - count_of(sparsity, group.size) < 1:
        most = (group.size - 1) / group.size
        return Refusal(
            f"sparsity {sparsity:g} of {group.size} channels of {group.root!r}",
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
        if vote is None or vote.method in WANTS.values():
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
        and vote.method == WANTS[member.side]
    ]
    return any(vote.rule > context.rule for vote in votes)


def _unit_scores(
    group: CouplingGroup, side: Side, criterion: str, context: Context
) -> torch.Tensor:
    """Return the score of each unit, float64 of shape (size,)."""
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


def _units_to_remove(size: int, sparsity: float, round_to: int) -> int:
    """Return how many units go, once the kept ones are rounded.

    Examples
    --------
    >>> _units_to_remove(16, 0.6, 1), _units_to_remove(16, 0.6, 4)
    (10, 8)
    """
    kept = size - count_of(sparsity, size)
    rounded = max(1, int(kept / round_to + 0.5)) * round_to
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
        for norm in group.norms:
            cut = torch.from_numpy((norm.units >= 0) & gone[norm.units])
            self._other(f"{norm.name}.weight", cut)
            self._other(f"{norm.name}.bias", cut)

    def _other(self, name: str, cut: torch.Tensor) -> None:
        keep = self.others.setdefault(name, torch.ones(cut.shape, dtype=torch.bool))
        keep[cut] = False

    def _tell(self, group: CouplingGroup, layer: str) -> None:
        shared = [name for name in group.producers if name != layer]
        if layer in group.producers and shared:
            text = "channels shared with " + ", ".join(shared)
        elif layer not in group.producers:
            text = "input channels removed with " + ", ".join(group.producers)
        else:
            return
        self.notes[layer] = "; ".join(filter(None, (self.notes.get(layer), text)))
