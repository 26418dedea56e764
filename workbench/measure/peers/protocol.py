"""What an engine must offer to be measured.

Belongs here: the three small types every adapter uses. Does not belong here: any
engine (one file each beside this one, one line each in table.py).
"""

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter_ns
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from workbench.measure.onnx_model import to_onnx

Array = NDArray[np.float32]


class Weights(Protocol):
    """What Network and PrunedNetwork have in common: one module, one input shape."""

    @property
    def name(self) -> str:
        """Name of the network."""

    @property
    def module(self) -> torch.nn.Module:
        """Module in eval mode, masks applied."""

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""

    @property
    def digest(self) -> str:
        """Sha256 hex over the weights."""


class Subject:
    """Return the network that engines are to run: same weights for all of them.

    Parameters
    ----------
    owner : Network or PrunedNetwork
        The weights. `owner.module` is the definition of the right output.
    weights : str
        "dense" or "pruned": how rows name these weights.
    """

    def __init__(self, owner: Weights, *, weights: str) -> None:
        self.owner = owner
        self.weights = weights

    @property
    def module(self) -> torch.nn.Module:
        """The torch module, in eval mode, masks applied."""
        return self.owner.module

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(C, H, W) of one image."""
        return tuple(self.owner.input_shape)

    @cached_property
    def _folder(self) -> tempfile.TemporaryDirectory[str]:
        return tempfile.TemporaryDirectory(prefix="workbench-")

    @cached_property
    def onnx_path(self) -> Path:
        """One ONNX file for all the engines that read ONNX, made when first asked."""
        path = Path(self._folder.name) / "model.onnx"
        path.write_bytes(to_onnx(self.module, self.input_shape).SerializeToString())
        return path

    def reference(self, x: Array) -> Array:
        """Return torch's output on the (masked) module: what all must equal."""
        with torch.inference_mode():
            return as_float32(self.module(torch.from_numpy(x)))


@dataclass(frozen=True)
class Setup:
    """Return what every engine is told before it loads a network.

    Parameters
    ----------
    threads : int
        It may use so many, no more.
    batch : int
        Images in every call, so that an engine may plan for it.
    """

    threads: int
    batch: int = 1


class Runner(ABC):
    """Return an engine that has loaded one network and can be called.

    Attributes
    ----------
    settle_s : float
        How long its pool threads spin on after a call; whoever comes next waits.
    version : str
        Of the engine, when it runs in another interpreter.
    """

    settle_s: float = 0.003
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
    """

    name: str
    label: str
    package: str | None
    available: Callable[[], str | None]
    prepare: Callable[[Subject, Setup], Runner]


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
    """Return an engine's output as a float32 array."""
    if isinstance(value, torch.Tensor):
        value = value.detach().numpy()
    return np.asarray(value, dtype=np.float32)
