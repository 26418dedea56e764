"""How the output channels of dense layers are cut into tiles.

Belongs here: which filters a tile holds and where they go. Does not belong here:
packing (ext/faces/conv.pxi, ext/faces/lanes.pxi) or how wide a tile is (ext/).
"""

from dataclasses import dataclass

import numpy as np

from workbench.kernels.values.types import F32, I64


@dataclass(frozen=True, eq=False)
class Tiles:
    """Filters of N tiles, in the order in which they run.

    Parameters
    ----------
    groups, filters : int
        Groups of the layer, and filters of each of them.
    width : int
        Filters of a tile.
    interleaved : bool
        Whether neighbouring output channels are of different groups.
    group, first, count : array of int64, shape (N,)
        Group of a tile, its first filter in it, and how many there are.
    """

    groups: int
    filters: int
    width: int
    interleaved: bool
    group: I64
    first: I64
    count: I64

    @property
    def pitch(self) -> int:
        """Output channels from one filter of a tile to the next."""
        return self.groups if self.interleaved else 1

    @property
    def outputs(self) -> I64:
        """Output channel of the first filter of each tile."""
        if self.interleaved:
            return self.first * self.groups + self.group
        return self.group * self.filters + self.first

    def spread(self, values: F32) -> F32:
        """Return values (O,) of output channels, shape (N, width), else zeros."""
        each = np.arange(self.width)
        room = np.zeros((self.group.size, self.width), np.float32)
        held = each < self.count[:, None]
        room[held] = values[(self.outputs[:, None] + each * self.pitch)[held]]
        return room


def cut(groups: int, filters: int, width: int, *, interleaved: bool) -> Tiles:
    """Return the tiles of ``groups`` groups of ``filters`` filters.

    Groups come one after another; interleaved ones, which read much the same, take
    turns, so that threads that share the tiles share the output channels too.

    Examples
    --------
    >>> tiles = cut(2, 12, 8, interleaved=True)
    >>> tiles.group.tolist(), tiles.first.tolist(), tiles.count.tolist()
    ([0, 1, 0, 1], [0, 0, 8, 8], [8, 8, 4, 4])
    >>> tiles.outputs.tolist()
    [0, 1, 16, 17]
    """
    first = np.arange(0, filters, width, dtype=np.int64)
    group = np.arange(groups, dtype=np.int64)
    if interleaved:
        firsts, owners = np.repeat(first, groups), np.tile(group, first.size)
    else:
        firsts, owners = np.tile(first, groups), np.repeat(group, first.size)
    count = np.minimum(width, filters - firsts)
    return Tiles(groups, filters, width, interleaved, owners, firsts, count)
