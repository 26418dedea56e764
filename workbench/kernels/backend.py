"""Which back end builds steps: the compiled module, or NumPy where it is missing.

Belongs here: the choice of instruction set, its reason, and the back-end protocol.
Does not belong here: checks or arithmetic.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import import_module
from typing import Protocol, cast

from workbench.kernels import reference
from workbench.kernels.native import NativeBackend
from workbench.kernels.values.specs import (
    ConvDense,
    ConvSparse,
    Depthwise,
    FmaPeak,
    GlobalAverage,
    LinearDense,
    LinearSparse,
    Pointwise,
    Pool,
    Transfer,
)
from workbench.kernels.values.types import (
    F32,
    I32,
    KernelError,
    KernelInfo,
    Sizes,
    Step,
    Vectors,
)

_VARIABLE = "WORKBENCH_ISA"
_FORCED: ContextVar[str | None] = ContextVar("workbench_isa", default=None)


class Backend(Protocol):
    """What builds steps out of checked arguments."""

    def conv_sparse(self, spec: ConvSparse) -> Step:
        """Return a sparse convolution step."""

    def conv_dense(self, spec: ConvDense) -> Step:
        """Return a dense convolution step."""

    def depthwise(self, spec: Depthwise) -> Step:
        """Return a depthwise convolution step."""

    def linear_dense(self, spec: LinearDense) -> Step:
        """Return a matrix-vector step."""

    def linear_sparse(self, spec: LinearSparse) -> Step:
        """Return a sparse matrix-vector step."""

    def pool(self, spec: Pool) -> Step:
        """Return a pooling step."""

    def global_avg(self, spec: GlobalAverage) -> Step:
        """Return a global average step."""

    def pointwise(self, spec: Pointwise) -> Step:
        """Return an elementwise or copying step."""

    def transfer(self, spec: Transfer) -> Step:
        """Return a step between the arena and external arrays."""

    def fma_peak(self, spec: FmaPeak) -> Step:
        """Return a step of multiply-adds on registers."""

    def variants_conv_sparse(
        self, offsets: I32, vectors: Vectors, src: int
    ) -> tuple[str, ...]:
        """Return the eligible variants, the default first."""

    def variants_conv_dense(self, weights: F32, vectors: Vectors) -> tuple[str, ...]:
        """Return the eligible variants, the default first."""

    def executor(self, steps: Sequence[Step], sizes: Sizes) -> reference.Runner:
        """Return a runner of the steps."""


class _Native(Protocol):
    def available(self) -> tuple[str, ...]:
        """Return the instruction sets of this machine, slowest first."""

    def compiler(self) -> str:
        """Return the compiler that built the module."""


@cache
def _native() -> _Native | None:
    try:
        return cast(_Native, import_module("workbench.kernels._native"))
    except ModuleNotFoundError:
        return None


@cache
def _built() -> tuple[tuple[str, ...], str]:
    """Return the instruction sets to choose from, slowest first, and the compiler."""
    native = _native()
    if native is None:
        return ("numpy",), ""
    return ("numpy", *native.available()), native.compiler()


@cache
def _backend(isa: str) -> Backend:
    native = _native()
    if isa == "numpy" or native is None:
        return reference.NumpyBackend()
    return NativeBackend(native, isa)


def info() -> KernelInfo:
    """Return which instruction set the kernels use and why.

    Raises
    ------
    KernelError
        When ``WORKBENCH_ISA`` names one that this machine or build lacks.
    """
    native = _native()
    names, compiler = _built()
    chosen, reason = names[-1], "the widest that CPUID and XGETBV allow"
    if native is None:
        reason = "the compiled module is missing; run python setup.py build_ext -i"
    for wanted, source in (
        (os.environ.get(_VARIABLE), f"{_VARIABLE} asks for it"),
        (_FORCED.get(), "forced_isa asks for it"),
    ):
        if not wanted:
            continue
        if wanted not in names:
            raise KernelError(
                f"instruction set {wanted!r} ({source})",
                "one of " + ", ".join(names),
                f"Unset {_VARIABLE}, or run on a machine that has it.",
            )
        chosen, reason = wanted, source
    return KernelInfo(chosen, reason, names, compiler, chosen != "numpy")


def current() -> Backend:
    """Return the back end that builds steps now."""
    return _backend(info().isa)


@contextmanager
def forced_isa(isa: str) -> Iterator[None]:
    """Build steps for one instruction set inside the ``with`` block.

    Parameters
    ----------
    isa : str
        One of ``info().available``.

    Raises
    ------
    KernelError
        When this machine or build lacks it.

    Examples
    --------
    >>> with forced_isa("numpy"):
    ...     info().isa
    'numpy'
    """
    token = _FORCED.set(isa)
    try:
        info()
        yield
    finally:
        _FORCED.reset(token)
