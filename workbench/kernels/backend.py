"""Who makes steps: the compiled module, or NumPy where it is missing.

Belongs here: the choice of instruction set and its reason, and the one way to the
compiled module. Does not belong here: checks, packing (steps/) or arithmetic.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from workbench.kernels.values.types import KernelError, KernelInfo, Step

Spec = TypeVar("Spec")

REBUILD = "run python setup.py build_ext --inplace"
"""What to do about compiled kernels that are not there, or not of this version."""

_MODULE = "workbench.kernels._native"
_FOLDER = Path(__file__).parent
_BUILT = (".so", ".pyd")
_VARIABLE = "WORKBENCH_ISA"
_FORCED: ContextVar[str | None] = ContextVar("workbench_isa", default=None)


NUMBERS = {"scalar": 0, "avx2": 1, "avx512": 2}
"""Instruction sets as the compiled module numbers them."""


@dataclass(frozen=True)
class Native:
    """The compiled module, and the instruction set that steps are made for.

    Parameters
    ----------
    module : module
        `workbench.kernels._native`; its functions are described in ext/faces/.
    isa : str
        A key of `NUMBERS`.
    """

    module: Any
    isa: str

    def step(self, face: str, spec: Any, *packing: Any) -> Step:
        """Return the step that a function of the module packs from checked arguments.

        Parameters
        ----------
        face : str
            Name of the function.
        spec : object
            Checked arguments.
        packing : object
            How they are packed, where there is a choice.
        """
        made: Step = getattr(self.module, face)(spec, self.number, *packing)
        return made

    @property
    def number(self) -> int:
        """The instruction set as the module numbers it."""
        return NUMBERS[self.isa]


class Compiled:
    """The compiled module; what it lacks is an error that says what to do."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        """Return a function of the module."""
        try:
            return getattr(self._module, name)
        except AttributeError:
            raise KernelError(
                f"compiled kernels without {name!r}, built from another version",
                "those of this version",
                REBUILD.capitalize() + ".",
            ) from None


def module() -> Any:
    """Return the compiled module whatever is in use, None where there is none."""
    return _loaded()[0]


def absence() -> str:
    """Return why there are no compiled kernels and what to do; "" where there are."""
    return _loaded()[1]


@cache
def _loaded() -> tuple[Compiled | None, str]:
    try:
        return Compiled(import_module(_MODULE)), ""
    except ImportError as error:
        return None, f"{_absence(error)}; {REBUILD}"


def _absence(error: ImportError) -> str:
    if not isinstance(error, ModuleNotFoundError) or error.name != _MODULE:
        return f"the compiled kernels were built from another version ({error})"
    own = {f"_native{suffix}" for suffix in EXTENSION_SUFFIXES}
    found = (path for path in _FOLDER.glob("_native.*") if path.suffix in _BUILT)
    others = sorted(path.name for path in found if path.name not in own)
    if others:
        return f"the compiled kernels are of another Python ({', '.join(others)})"
    return "the compiled kernels are missing"


@cache
def _built() -> tuple[tuple[str, ...], str]:
    """Return the instruction sets to choose from, slowest first, and the compiler."""
    native = module()
    if native is None:
        return ("numpy",), ""
    return ("numpy", *native.available()), native.compiler()


def info() -> KernelInfo:
    """Return which instruction set the kernels use and why.

    Raises
    ------
    KernelError
        When ``WORKBENCH_ISA`` names one that this machine or build lacks.
    """
    names, compiler = _built()
    chosen, reason = names[-1], "the widest that CPUID and XGETBV allow"
    if absence():
        reason = absence()
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
                f"Unset {_VARIABLE}: {absence()}."
                if absence()
                else f"Unset {_VARIABLE}, or run on a machine that has it.",
            )
        chosen, reason = wanted, source
    return KernelInfo(chosen, reason, names, compiler, chosen != "numpy")


def compiled() -> Native | None:
    """Return what makes steps in C now; None where NumPy makes them."""
    isa = info().isa
    return None if isa == "numpy" else Native(module(), isa)


def make_step(face: str, spec: Spec, reference: Callable[[Spec], Step]) -> Step:
    """Return the step of a kernel whose arguments are packed in one way.

    Parameters
    ----------
    face : str
        The function of the compiled module.
    spec : object
        Checked arguments.
    reference : callable
        Makes the same step in NumPy.
    """
    native = compiled()
    return reference(spec) if native is None else native.step(face, spec)


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
