"""Coupling groups as values: which channels of which layers must go together.

Belongs here: the values. Does not belong here: finding them (``groups``).

A *unit* is the smallest set of channels that can be removed at once. Usually it is
one output channel of the producers with the input channels of the consumers; a
residual sum ties the same channel of all its producers, a flatten gives one channel
many consumer columns, and a grouped convolution ties the channels at the same
position of all its groups, since its groups must stay equally wide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Side = Literal["out", "in"]


@dataclass(frozen=True, eq=False)
class Member:
    """One layer's side in a group.

    Parameters
    ----------
    layer : str
        Layer id.
    side : "out" or "in"
        Output channels (rows of the weight) or input channels (columns).
    units : numpy.ndarray
        int64, one entry a channel of that side: its unit, or -1 where the channel
        belongs to another group (a concatenation).
    """

    layer: str
    side: Side
    units: np.ndarray


@dataclass(frozen=True, eq=False)
class NormMember:
    """A batch norm (or a PReLU) in a group: its name and its channels' units."""

    name: str
    units: np.ndarray


@dataclass(frozen=True, eq=False)
class CouplingGroup:
    """Channels that can only be removed together.

    Parameters
    ----------
    root : str
        A layer whose output channels cover every unit.
    size : int
        Number of units.
    members : tuple of Member
        Producers ("out") and consumers ("in").
    norms : tuple of NormMember
        Batch normalisations in between.
    blocked : str or None
        Why the group cannot be removed, or None.
    """

    root: str
    size: int
    members: tuple[Member, ...]
    norms: tuple[NormMember, ...] = ()
    blocked: str | None = None

    @property
    def producers(self) -> tuple[str, ...]:
        """Layers whose output channels are in the group."""
        return tuple(m.layer for m in self.members if m.side == "out")

    @property
    def consumers(self) -> tuple[str, ...]:
        """Layers whose input channels are in the group."""
        return tuple(m.layer for m in self.members if m.side == "in")
