"""What an engine must offer to be measured.

Belongs here: the three small types every adapter uses. Does not belong here: the
network (subject.py) or any engine (one file each beside this one, one line each in
table.py).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from time import perf_counter_ns

from workbench.measure.peers.subject import Array, Subject, joined

__all__ = [
    "Array",
    "FunctionRunner",
    "Peer",
    "Runner",
    "Setup",
    "Subject",
    "as_float32",
    "needs",
    "no_need",
]


@dataclass(frozen=True)
class Setup:
    """Return what every engine is told before it loads a network.

    Parameters
    ----------
    threads : int
        It may use so many, no more.
    batch : int
        Images in every call, so that an engine may plan for it.
    tune_s : float, optional
        Seconds that the bundled engine may spend on choosing kernels.
    """

    threads: int
    batch: int = 1
    tune_s: float | None = None


class Runner(ABC):
    """Return an engine that has loaded one network and can be called.

    Attributes
    ----------
    settle_s : float
        How long its pool threads spin on after a call; whoever comes next waits. The
        pools of XNNPACK and OpenMP take up to 20 ms; GNU OpenMP counts pauses, which
        are ten times as long on some processors as on others.
    version : str
        Of the engine, when it runs in another interpreter.
    """

    settle_s: float = 0.025
    version: str = ""

    @abstractmethod
    def __call__(self, x: Array) -> Array:
        """Return the output for one batch (N, C, H, W)."""

    def sample_ns(self, x: Array, inner: int) -> int:
        """Return the nanoseconds that `inner` calls took together.

        Runners in another process override this, so that what it costs to reach
        them is not counted.
        """
        repeats = range(inner)
        start = perf_counter_ns()
        for _ in repeats:
            self(x)
        return perf_counter_ns() - start

    def close(self) -> None:
        """Give back what the engine holds; by default there is nothing."""
        return None


class FunctionRunner(Runner):
    """Return a runner around a plain function from input to output."""

    def __init__(self, function: Callable[[Array], object]) -> None:
        self._function = function

    def __call__(self, x: Array) -> Array:
        """Return what the function returns, as float32."""
        return as_float32(self._function(x))


@dataclass(frozen=True)
class Peer:
    """Return one engine of the table.

    Parameters
    ----------
    name : str
        What `--against` takes.
    label : str
        What a person reads, with the settings that matter.
    package : str or None
        Distribution whose version goes into the conditions.
    available : callable
        Returns None when the engine can run here, else the reason and the command
        that helps.
    prepare : callable (Subject, Setup) -> Runner
        Loads the network. Its time is reported apart, never within a sample.
    from_module : bool
        It starts from the torch module: no use for a network that is an ONNX file.
    """

    name: str
    label: str
    package: str | None
    available: Callable[[], str | None]
    prepare: Callable[[Subject, Setup], Runner]
    from_module: bool = False


def no_need() -> str | None:
    """Return None: an engine that is always there."""
    return None


def needs(module: str, *, install: str) -> str | None:
    """Return None when `module` can be imported, else what to install.

    Examples
    --------
    >>> needs("json", install="pip install nothing")
    >>> needs("not_a_module", install="pip install it")
    'the module not_a_module is not installed; run: pip install it'
    """
    if find_spec(module) is not None:
        return None
    return f"the module {module} is not installed; run: {install}"


def as_float32(value: object) -> Array:
    """Return an engine's output as a float32 array.

    Several outputs become one array: a row of floats for each image, as they come.
    """
    return joined(value)
