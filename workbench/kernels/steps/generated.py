"""Sparse convolution as machine code written for the layer's own mask.

Belongs here: the public, checking face of generated code, its tunings, and whether
this process may run such code at all. Does not belong here: the code itself
(ext/emit/), or when it is worth using (engine).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from workbench.kernels.backend import NUMBERS, absence, info, module
from workbench.kernels.reference.conv import conv_sparse as reference
from workbench.kernels.steps.sparse import sparse_spec, sparse_step
from workbench.kernels.values.checks import inside_arena, join, read_extent
from workbench.kernels.values.specs import ConvSparse, Placement
from workbench.kernels.values.types import (
    F32,
    I32,
    LANES,
    Activation,
    KernelError,
    Step,
)
from workbench.kernels.variants.code_shapes import (
    ROWS,
    CodeShape,
    check,
    in_reach,
    may_shift_in_row,
    worthwhile,
)

__all__ = [
    "CODED",
    "CODE_LIMIT",
    "Availability",
    "CodeShape",
    "available",
    "conv_generated",
    "memory_refusal",
    "reference",
    "variants_generated",
    "without_generated",
]

CODE_LIMIT = 64 << 20
"""Bytes of code that one layer may have."""

CODED = ("avx2", "avx512")
"""Instruction sets that there is generated code for."""


_WANTED: ContextVar[bool] = ContextVar("workbench_generated", default=True)


@dataclass(frozen=True)
class Availability:
    """Whether generated code may run here, and why not."""

    available: bool
    reason: str


class CodePlan(NamedTuple):
    """What the compiled module is told beside the arguments of the layer."""

    tuning: CodeShape
    order: I32
    in_row: bool
    extent: tuple[int, int]
    code_limit: int = CODE_LIMIT


def available() -> Availability:
    """Return whether machine code may be generated and run here.

    It needs x86-64 with AVX2 or AVX-512 and a system that lets a process seal memory
    it has written as executable.
    """
    if not _WANTED.get():
        return Availability(False, "without_generated asks for data-driven kernels")
    isa = info().isa
    if isa == "numpy":
        return Availability(False, absence() or "the compiled kernels are not in use")
    if isa not in CODED:
        return Availability(False, f"it needs avx2 or avx512; {isa} is in use")
    refused = memory_refusal()
    if refused:
        return Availability(False, refused)
    return Availability(True, f"code is generated for {isa}")


def memory_refusal() -> str | None:
    """Return None when this process may seal memory as executable, else why not."""
    if absence():
        return f"not tried: {absence()}"
    refusal: int = module().emit_probe()
    if refusal == 0:
        return None
    return f"the system refuses executable memory: {os.strerror(refusal)}"


@contextmanager
def without_generated() -> Iterator[None]:
    """Build steps of the data-driven kernels alone inside the ``with`` block.

    Examples
    --------
    >>> with without_generated():
    ...     available().reason
    'without_generated asks for data-driven kernels'
    """
    token = _WANTED.set(False)
    try:
        yield
    finally:
        _WANTED.reset(token)


def conv_generated(
    *,
    indptr: I32,
    offsets: I32,
    values: F32,
    bias: F32,
    place: Placement,
    variant: str | None = None,
) -> Step:
    """Return ``conv_sparse`` as machine code for these very non-zeros.

    Parameters
    ----------
    indptr, offsets, values, bias, place
        As in ``conv_sparse``; with the back end numpy the same function runs.
    variant : str, optional
        Name of a `Tuning`; None takes the first of `variants_generated`.

    Raises
    ------
    KernelError
        When an argument does not hold, code may not be generated here, the variant
        does not fit, or the code would exceed `CODE_LIMIT`.

    """
    spec = sparse_spec(
        indptr=indptr,
        offsets=offsets,
        values=values,
        bias=bias,
        place=place,
        variant=variant,
    )
    isa = info().isa
    if isa == "numpy":
        return sparse_step(spec)
    ready = available()
    if not ready.available:
        raise KernelError(
            "no generated code", ready.reason, "Use conv_sparse for this layer."
        )
    if not has_curve(place.act):
        raise KernelError(*_refused(5, spec))
    if variant is None and not in_reach(spec):
        raise KernelError(*_refused(3, spec))
    tuning = CodeShape.parse(variant or worthwhile(spec, isa)[0])
    check(tuning, spec, isa)
    made: Step | int = module().conv_generated(spec, NUMBERS[isa], _plan(spec, tuning))
    if isinstance(made, int):
        raise KernelError(*_refused(made, spec))
    return made


def variants_generated(spec: ConvSparse) -> tuple[str, ...]:
    """Return the variants of ``conv_generated`` worth timing, the default first.

    There is none for tensors that generated code cannot address, and for activations
    that it does not have.

    Parameters
    ----------
    spec : ConvSparse
        From ``sparse_spec``, which takes what ``conv_generated`` takes.
    """
    isa = info().isa
    if isa not in CODED:
        return ("numpy",)
    able = in_reach(spec) and has_curve(spec.place.act)
    return worthwhile(spec, isa) if able else ()


def has_curve(act: Activation) -> bool:
    """Say whether generated code can do an activation."""
    isa = info().isa
    return isa not in CODED or bool(module().emit_has_curve(act, NUMBERS[isa]))


def fits(variant: str, spec: ConvSparse) -> bool:
    """Say whether a variant was made for this machine and may run these arguments."""
    isa = info().isa
    try:
        tuning = CodeShape.parse(variant)
        check(tuning, spec, isa)
    except KernelError:
        return False
    # With many registers groups are never as small as those of few registers.
    rows = spec.indptr.size - 1
    return isa != "avx512" or tuning.group >= min(rows, ROWS["avx2"] + 1)


def _plan(spec: ConvSparse, tuning: CodeShape) -> CodePlan:
    """Return the plan of a tuning; shifting reads whole vectors around each input."""
    extent = spec.place.extent
    if tuning.shift and spec.offsets.size:
        lo, hi = int(spec.offsets.min()), int(spec.offsets.max())
        first, stop = read_extent(spec.place.vectors, spec.place.src, lo, hi)
        touched = (first - LANES, stop + LANES)
        most = spec.place.arena_floats
        inside_arena("the source, read in whole vectors,", touched, most)
        extent = join((extent, touched))
    return CodePlan(
        tuning,
        np.arange(spec.bias.size, dtype=np.int32),
        tuning.shift and may_shift_in_row(spec.offsets, spec.place),
        extent,
    )


def _refused(status: int, spec: ConvSparse) -> tuple[str, str, str]:
    """Return found, expected and next step of a refusal of the generator."""
    reasons = {
        1: ("no memory for code and weights", "enough memory for both"),
        2: (
            f"{spec.values.size} non-zeros need more than {CODE_LIMIT} bytes of code",
            "code within the limit",
        ),
        3: (
            "inputs, outputs or a residual 2^30 bytes apart",
            "all within reach of each other",
        ),
        4: ("the system refused to seal the code", "permission to run generated code"),
        5: (f"an activation {spec.place.act.kind}", "one that generated code has"),
    }
    return (*reasons[status], "Use conv_sparse for this layer.")
