"""Steps that NumPy runs, among those in C or alone: operations on arrays of any rank.

Belongs here: arrays as contiguous stretches of the arena. Does not belong here: the
arithmetic (`workbench.kernels.arrays`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from workbench.kernels.reference import ReferenceStep
from workbench.kernels.values import checks
from workbench.kernels.values.types import F32

Function = Callable[[Sequence[F32]], Any]


@dataclass(frozen=True)
class Stretch:
    """A contiguous array in the arena: its first float and its shape."""

    start: int
    shape: tuple[int, ...]

    @property
    def stop(self) -> int:
        """The float after the last one."""
        return self.start + prod(self.shape)


class ArrayStep(ReferenceStep):
    """A NumPy step that may stand among steps in C."""


def array_step(
    kernel: str,
    function: Function,
    *,
    inputs: Sequence[Stretch],
    output: Stretch,
    bytes_read: int = 0,
    macs: int = 0,
) -> ArrayStep:
    """Return a step that computes an array out of others.

    Parameters
    ----------
    kernel : str
        Name for reports.
    function : callable
        From the inputs to the result, an array of the output's shape.
    inputs : sequence of Stretch
    output : Stretch
        May overlap inputs: it is written when the result is complete.
    bytes_read : int
        Of parameters.
    macs : int
        Multiply-adds.

    Raises
    ------
    KernelError
        When a stretch is not one of whole floats.
    """
    for stretch in (*inputs, output):
        checks.whole("the start of an array", stretch.start, 0)
        for size in stretch.shape:
            checks.whole("an axis of an array", size, 1, checks.MOST_PIXELS)
        checks.whole("the size of an array", prod(stretch.shape), 1)

    def apply(arena: F32, x: F32, y: F32) -> None:
        given = [arena[s.start : s.stop].reshape(s.shape) for s in inputs]
        target = arena[output.start : output.stop].reshape(output.shape)
        with np.errstate(all="ignore"):
            target[...] = function(given)

    every = (*inputs, output)
    extent = min(s.start for s in every), max(s.stop for s in every)
    return ArrayStep(kernel, macs, bytes_read, extent, apply)
