"""The multiply-adds that tell how fast a core can be, in NumPy."""

import numpy as np

from workbench.kernels.reference.step import ReferenceStep
from workbench.kernels.values.specs import FmaPeak
from workbench.kernels.values.types import F32, LANES


def fma_peak(spec: FmaPeak) -> ReferenceStep:
    """Return a step that takes one vector ``rounds`` times through v / 2 + 1 / 2."""
    half = np.float32(0.5)

    def apply(arena: F32, x: F32, y: F32) -> None:
        for _ in range(spec.rounds):
            arena[:LANES] = arena[:LANES] * half + half

    return ReferenceStep("numpy_fma_peak", spec.rounds * LANES, 0, (0, LANES), apply)
