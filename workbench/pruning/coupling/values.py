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
    whole : bool
        Whether a grouped convolution loses whole groups with these rows.
    """

    layer: str
    side: Side
    units: np.ndarray
    whole: bool = False


@dataclass(frozen=True, eq=False)
class Follower:
    """A parameter or buffer that loses entries with a group's units.

    Parameters
    ----------
    parameter : str
        Its name: of a batch norm, a gain, a transposed convolution.
    axis : int
        The axis that loses them.
    units : numpy.ndarray
        int64, the unit of each entry along the axis, or -1.
    reads : bool
        Whether the entries multiply the channels into others, as a layer's columns.
    """

    parameter: str
    axis: int
    units: np.ndarray
    reads: bool = False


@dataclass(frozen=True, eq=False)
class CouplingGroup:
    """Channels that can only be removed together.

    Parameters
    ----------
    root : str
        The layer with most of the units among its output channels.
    size : int
        Number of units.
    members : tuple of Member
        Producers ("out") and consumers ("in").
    followers : tuple of Follower
        What else loses entries: batch norms, gains, layers of other kinds.
    blocked : str or None
        Why the group cannot be removed, or None.
    least : tuple of numpy.ndarray
        Sets of units of which one must stay each: those of a whole tensor.
    """

    root: str
    size: int
    members: tuple[Member, ...]
    followers: tuple[Follower, ...] = ()
    blocked: str | None = None
    least: tuple[np.ndarray, ...] = ()

    @property
    def producers(self) -> tuple[str, ...]:
        """Layers whose output channels are in the group."""
        return tuple(m.layer for m in self.members if m.side == "out")

    @property
    def consumers(self) -> tuple[str, ...]:
        """Layers whose input channels are in the group."""
        return tuple(m.layer for m in self.members if m.side == "in")
