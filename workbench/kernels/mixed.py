"""Runs programs in which NumPy steps stand between steps in C.

Belongs here: the loop over images and stretches of steps, on one arena. Programs
without a NumPy step never come here: they are one call of C.
"""

import time
from collections.abc import Callable, Sequence
from itertools import groupby
from threading import Lock
from typing import Any

import numpy as np

from workbench.kernels.reference import ReferenceStep
from workbench.kernels.values.types import F32, I64, Sizes, Step

NativeExecutor = Callable[[Sequence[Step], Sizes], Any]


class MixedRunner:
    """A native runner of the steps in C, and a loop for what lies between.

    Parameters
    ----------
    steps : sequence of Step
    sizes : Sizes
    native : callable
        Makes the runner of the steps in C; it owns the arena.
    """

    def __init__(
        self, steps: Sequence[Step], sizes: Sizes, native: NativeExecutor
    ) -> None:
        self._steps = steps
        # Places of the steps in C among themselves.
        self._native = native([s for s in steps if not _is_numpy(s)], sizes)
        self._arena: F32 = self._native.arena
        self._lock = Lock()
        self._floats = tuple(
            max(getattr(step, name) for step in steps)
            for name in ("x_floats", "y_floats")
        )

    @property
    def arena(self) -> F32:
        """The arena of all steps."""
        return self._arena

    def run(self, x: F32, y: F32) -> None:
        """Run all steps for each image."""
        parts = self._parts(0, len(self._steps))
        with self._lock:
            for image, result in zip(
                x.reshape(len(x), -1), y.reshape(len(y), -1), strict=True
            ):
                for part in parts:
                    if isinstance(part, range):
                        self._native.run_range(
                            image[None], result[None], part.start, part.stop
                        )
                    else:
                        part.apply(self._arena, image, result)

    def times(self, first: int, stop: int, rounds: int) -> I64:
        """Return nanoseconds of steps first..stop, shape (rounds, stop - first)."""
        parts = self._parts(first, stop)
        image, result = (np.zeros(n, np.float32) for n in self._floats)
        times = np.empty((rounds, stop - first), np.int64)
        with self._lock:
            for row in times:
                at = 0
                for part in parts:
                    if isinstance(part, range):
                        took = self._native.times(part.start, part.stop, 1)
                        row[at : at + len(part)] = took[0]
                        at += len(part)
                        continue
                    start = time.perf_counter_ns()
                    part.apply(self._arena, image, result)
                    row[at] = time.perf_counter_ns() - start
                    at += 1
        return times

    def close(self) -> None:
        """Stop the threads until the next run."""
        self._native.close()

    def _parts(self, first: int, stop: int) -> list[range | ReferenceStep]:
        """Return NumPy steps, and ranges of the native runner's steps between them."""
        done = sum(not _is_numpy(step) for step in self._steps[:first])
        parts: list[range | ReferenceStep] = []
        for plain, group in groupby(self._steps[first:stop], _is_numpy):
            members = list(group)
            if plain:
                parts += members  # type: ignore[arg-type]
            else:
                parts.append(range(done, done + len(members)))
                done += len(members)
        return parts


def _is_numpy(step: Step) -> bool:
    return isinstance(step, ReferenceStep)
