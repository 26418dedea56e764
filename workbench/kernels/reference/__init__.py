"""The kernels in NumPy: their specification, and the back end without a compiler.

Belongs here: one function a step kind, with the same checked arguments as the compiled
one. Does not belong here: speed.
"""

from collections.abc import Sequence

from workbench.kernels.reference import conv, spatial
from workbench.kernels.reference.activation import activate
from workbench.kernels.reference.peak import fma_peak
from workbench.kernels.reference.step import ReferenceRunner, ReferenceStep, Runner
from workbench.kernels.values.types import F32, I32, Sizes, Step, Vectors

__all__ = ["NumpyBackend", "ReferenceRunner", "ReferenceStep", "Runner", "activate"]


class NumpyBackend:
    """Builds reference steps; same methods as the compiled back end."""

    conv_sparse = staticmethod(conv.conv_sparse)
    conv_dense = staticmethod(conv.conv_dense)
    depthwise = staticmethod(conv.depthwise)
    linear_dense = staticmethod(conv.linear_dense)
    linear_sparse = staticmethod(conv.linear_sparse)
    pool = staticmethod(spatial.pool)
    global_avg = staticmethod(spatial.global_avg)
    pointwise = staticmethod(spatial.pointwise)
    transfer = staticmethod(spatial.transfer)
    fma_peak = staticmethod(fma_peak)

    def variants_conv_sparse(
        self, offsets: I32, vectors: Vectors, src: int
    ) -> tuple[str, ...]:
        """Return the only variant."""
        return ("numpy",)

    def variants_conv_dense(self, weights: F32, vectors: Vectors) -> tuple[str, ...]:
        """Return the only variant."""
        return ("numpy",)

    def executor(self, steps: Sequence[Step], sizes: Sizes) -> ReferenceRunner:
        """Return a runner; neither threads nor caches matter here."""
        return ReferenceRunner(steps, sizes.arena_floats)
