"""The kernels in NumPy: their specification, and what runs without a compiler.

Belongs here: one function a step kind, with the same checked arguments as the compiled
one. Does not belong here: speed.
"""

from workbench.kernels.reference.activation import activate
from workbench.kernels.reference.step import ReferenceRunner, ReferenceStep, Runner

__all__ = ["ReferenceRunner", "ReferenceStep", "Runner", "activate"]
