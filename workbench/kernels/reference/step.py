"""A step of the NumPy back end and the loop that runs such steps.

Belongs here: ReferenceStep and the executor. Does not belong here: any arithmetic.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Protocol, cast

import numpy as np

from workbench.kernels.values.types import F32, I64, Step

Apply = Callable[[F32, F32, F32], None]


class Runner(Protocol):
    """What an Executor drives: the native executor or the NumPy loop."""

    @property
    def arena(self) -> F32:
        """The arena, shape (arena_floats,)."""

    def run(self, x: F32, y: F32) -> None:
        """Run all steps for each image."""

    def times(self, first: int, stop: int, rounds: int) -> I64:
        """Return nanoseconds, shape (rounds, stop - first)."""

    def close(self) -> None:
        """Stop the threads."""


@dataclass(frozen=True, eq=False)
class ReferenceStep:
    """One step as a function of (arena, image, result); see types.Step."""

    kernel: str
    macs: int
    bytes: int
    extent: tuple[int, int]
    apply: Apply
    x_floats: int = 0
    y_floats: int = 0


class ReferenceRunner:
    """Runs reference steps one after the other in the calling thread."""

    def __init__(self, steps: Sequence[Step], arena_floats: int) -> None:
        self._steps = cast(Sequence[ReferenceStep], steps)
        self._arena = np.zeros(arena_floats, dtype=np.float32)
        self._lock = Lock()

    @property
    def arena(self) -> F32:
        """The arena itself."""
        return self._arena

    def run(self, x: F32, y: F32) -> None:
        """Run all steps for each image."""
        with self._lock:
            for image, result in zip(
                x.reshape(len(x), -1), y.reshape(len(y), -1), strict=True
            ):
                for step in self._steps:
                    step.apply(self._arena, image, result)

    def times(self, first: int, stop: int, rounds: int) -> I64:
        """Time steps first..stop, with external arrays of zeros."""
        image = np.zeros(max(s.x_floats for s in self._steps), dtype=np.float32)
        result = np.zeros(max(s.y_floats for s in self._steps), dtype=np.float32)
        times = np.empty((rounds, stop - first), dtype=np.int64)
        with self._lock:
            for row in times:
                for i, step in enumerate(self._steps[first:stop]):
                    start = time.perf_counter_ns()
                    step.apply(self._arena, image, result)
                    row[i] = time.perf_counter_ns() - start
        return times

    def close(self) -> None:
        """Do nothing: there are no threads."""
