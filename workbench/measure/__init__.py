"""Interleaved timing of engines on the same weights, and one adapter per engine."""

from workbench.callable_package import make_callable

make_callable(__name__, "workbench.measure.interleave:measure")
