"""Reshapes that still fit when a tensor has fewer channels.

Belongs here: which axes of a result come from which axes of what was reshaped. A file
or a graph has sizes as numbers; a network whose channels were cut out has others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod


@dataclass(frozen=True)
class Traced:
    """One axis of a result: the product of some axes before, over a number.

    Parameters
    ----------
    start, stop : int
        The axes before; none of them for an axis whose size is fixed.
    divisor : int
        What the product is divided by; of a fixed axis its size.
    """

    start: int
    stop: int
    divisor: int = 1

    @property
    def fixed(self) -> bool:
        """Say whether the size is a number."""
        return self.start == self.stop

    def size(self, before: Sequence[int]) -> int:
        """Return the size for these sizes before."""
        if self.fixed:
            return self.divisor
        return prod(before[self.start : self.stop]) // self.divisor


def traced_axes(before: Sequence[int], after: Sequence[int]) -> tuple[Traced, ...]:
    """Return where each axis of a reshaped tensor comes from.

    Parameters
    ----------
    before, after : sequence of int
        Shapes of equally many elements.

    Returns
    -------
    tuple of Traced
        One for each axis after. Of an axis that is taken apart the largest part
        depends on it, and the others are fixed.

    Examples
    --------
    >>> [axis.size((1, 6, 4, 4)) for axis in traced_axes((1, 8, 4, 4), (1, 128))]
    [1, 96]
    >>> [axis.size((1, 6, 4)) for axis in traced_axes((1, 8, 4), (1, 2, 4, 4))]
    [1, 2, 3, 4]
    """
    found: list[Traced] = []
    i = j = 0
    while j < len(after):
        stop_i, stop_j = i + (i < len(before)), j + 1
        left, right = prod(before[i:stop_i]), after[j]
        while left != right:
            if left < right and stop_i < len(before):
                left *= before[stop_i]
                stop_i += 1
            elif stop_j < len(after):
                right *= after[stop_j]
                stop_j += 1
            else:
                return tuple(Traced(0, 0, size) for size in after)
        found += _parts(i, stop_i, after[j:stop_j])
        i, j = stop_i, stop_j
    return tuple(found)


def _parts(start: int, stop: int, sizes: Sequence[int]) -> list[Traced]:
    """Return the axes that some axes before become."""
    largest = max(range(len(sizes)), key=lambda place: (sizes[place], place))
    return [
        Traced(start, stop, prod(sizes) // size)
        if place == largest and start < stop
        else Traced(0, 0, size)
        for place, size in enumerate(sizes)
    ]
