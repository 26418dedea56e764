"""Where channels really go: the guard of the coupling groups.

Belongs here: trying a network to see which claims of its coupling groups are false.
Does not belong here: the claims (``groups``) and the apparatus of a try (``probe``).

A group claims that a unit of its producers' channels is read by these columns of these
layers and by nothing else. Every layer is replaced by random numbers of its output's
shape, so that nothing is left but what lies between layers. Then half of all units get
other numbers: exactly the columns that the groups claim for them may change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from workbench.models.network import Network
from workbench.pruning.coupling.probe import PROBE_ERRORS, Probe
from workbench.pruning.coupling.values import CouplingGroup

# Each unit changes in half of the passes, by numbers above and below zero. A column
# that depends on another channel than its own escapes all of them once in a hundred
# times; a wrong map has many such columns.
PASSES = 16


def false_claims(network: Network, groups: Sequence[CouplingGroup]) -> dict[str, str]:
    """Return, by the root of each group whose claims are false, what was seen.

    Groups that are blocked already are not looked at.

    Examples
    --------
    >>> from torch import nn
    >>> from workbench.models.inspect import from_module
    >>> from workbench.pruning.coupling.groups import traced_groups
    >>> parts = nn.Conv2d(3, 8, 1), nn.ChannelShuffle(2), nn.Conv2d(8, 2, 1)
    >>> net = from_module(nn.Sequential(*parts), input_shape=(3, 4, 4))
    >>> false_claims(net, traced_groups(net))
    {'0': "they are moved or mixed by channel_shuffle before '2' reads them"}
    """
    open_ones = [group for group in groups if group.blocked is None]
    if not open_ones:
        return {}
    try:
        return _tried(Probe(network), open_ones)
    except PROBE_ERRORS as error:
        said = f"nobody could see where they go ({error or type(error).__name__})"
        return {group.root: said for group in open_ones}


def _tried(probe: Probe, groups: list[CouplingGroup]) -> dict[str, str]:
    claims, reasons = _claims(probe, groups)
    reasons.update(_misread(probe, groups, claims))
    left = [group for group in groups if group.root not in reasons]
    for group, place in _leaking(probe, left):
        reader = f"{place!r}, which mixes them" if place else "the network's output"
        reasons[group.root] = f"they reach {reader}{probe.ways_to(place)}"
    return reasons


class _Claims:
    """Who claims each column: a number for each unit of all groups, -1 for nobody."""

    def __init__(self, probe: Probe) -> None:
        self.owner = {
            place: np.full(width, -1) for place, width in probe.widths.items()
        }
        self.first: dict[str, int] = {}
        self.units = 0


def _claims(
    probe: Probe, groups: Iterable[CouplingGroup]
) -> tuple[_Claims, dict[str, str]]:
    claims, reasons = _Claims(probe), dict[str, str]()
    for group in groups:
        claims.first[group.root] = claims.units
        for place, units in _read_at(probe, group):
            owner = claims.owner[place]
            inside = units >= 0
            if (owner[inside] >= 0).any():
                reasons[group.root] = f"{place!r} reads them with those of others"
            owner[inside] = units[inside] + claims.units
        claims.units += group.size
    return claims, reasons


def _read_at(probe: Probe, group: CouplingGroup) -> Iterable[tuple[str, np.ndarray]]:
    """Yield where a group says that its units are read, and the unit of each column."""
    for member in group.members:
        depthwise = member.side == "out" and member.layer in probe.depthwise
        if (member.side == "in" or depthwise) and member.layer in probe.widths:
            yield member.layer, member.units
    for norm in group.norms:
        if norm.name in probe.widths:
            yield norm.name, norm.units


def _made_by(groups: Iterable[CouplingGroup], claims: _Claims) -> dict[str, np.ndarray]:
    """Return the unit (a number over all groups) of each layer's output channels."""
    made: dict[str, np.ndarray] = {}
    for group in groups:
        for member in group.members:
            if member.side == "out":
                shifted = member.units + claims.first[group.root]
                units = np.where(member.units >= 0, shifted, -1)
                made[member.layer] = np.maximum(made.get(member.layer, units), units)
    return made


def _misread(
    probe: Probe, groups: list[CouplingGroup], claims: _Claims
) -> dict[str, str]:
    """Return the groups with a column that depends on something else than its unit."""
    made = _made_by(groups, claims)
    draw = np.random.Generator(np.random.PCG64(0))
    wrong = {place: np.zeros(owner.size, bool) for place, owner in claims.owner.items()}
    moved = {place: np.zeros(owner.size, bool) for place, owner in claims.owner.items()}
    for turn in range(PASSES):
        if turn % 2 == 0:
            coin = draw.integers(0, 2, claims.units).astype(bool)
            others = {
                name: draw.integers(0, 2, width).astype(bool)
                for name, width in probe.sources.items()
            }
        else:
            coin = ~coin
            others = {name: ~chosen for name, chosen in others.items()}
        chosen = {
            name: np.where(made[name] >= 0, coin[made[name]], other)
            if name in made
            else other
            for name, other in others.items()
        }
        seen = probe.changed(chosen, above=turn % 4 < 2)
        for place, changed in seen.items():
            owner = claims.owner[place]
            wrong[place] |= (owner >= 0) & changed & ~coin[owner]
            moved[place] |= changed
    starts = sorted((first, root) for root, first in claims.first.items())
    numbers = [first for first, _ in starts]
    reasons: dict[str, str] = {}
    for place, owner in claims.owner.items():
        # A column that is zero whatever the channel does hurts nobody.
        still = (owner >= 0) & ~moved[place] & ~probe.silent(place)
        for unit in owner[wrong[place] | still]:
            root = starts[np.searchsorted(numbers, unit, side="right") - 1][1]
            how = f"they are moved or mixed{probe.ways_to(place)}"
            reasons.setdefault(root, f"{how} before {place!r} reads them")
    return reasons


def _leaking(
    probe: Probe, groups: list[CouplingGroup]
) -> Iterable[tuple[CouplingGroup, str]]:
    """Yield the groups whose channels reach what they do not claim, and where."""
    place = _leak(probe, groups) if groups else None
    if place is None:
        return
    if len(groups) == 1:
        yield groups[0], place
        return
    half = len(groups) // 2
    yield from _leaking(probe, groups[:half])
    yield from _leaking(probe, groups[half:])


def _leak(probe: Probe, groups: list[CouplingGroup]) -> str | None:
    """Return a place that changes with these groups and that none of them claims."""
    claims, _ = _claims(probe, groups)
    made = _made_by(groups, claims)
    chosen = {name: units >= 0 for name, units in made.items()}
    for above in (True, False):
        for place, changed in probe.changed(chosen, above=above).items():
            if (changed & (claims.owner[place] < 0)).any():
                return place
        if probe.output_changed:
            return ""
    return None
