"""What a source is asked for, and what it answers.

Belongs here: the two values, and building modules under a fixed seed. Does not belong
here: any one source.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from workbench.errors import WorkbenchError
from workbench.extras import DISTRIBUTION
from workbench.models.input_shapes import Shapes

SEED = 0
"""Of weights that nothing else decides."""


@dataclass(frozen=True)
class Request:
    """A model by its name within a source.

    Parameters
    ----------
    spec : str
        As people wrote it, ``"timm:resnet18"``.
    name : str
        What stands behind the prefix.
    weights : str, Path, bytes or None
        A weights file to take instead of the source's own.
    input_shape : shapes, optional
        Of one image, instead of the source's own.
    random : bool
        Weights from a seed instead of the source's own.
    settings : mapping of str to Any
        Keyword arguments of what builds the module.
    """

    spec: str
    name: str
    weights: str | Path | bytes | None = None
    input_shape: Shapes | None = None
    random: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def own_weights(self) -> bool:
        """Whether the source's own weights are wanted."""
        return not self.random and self.weights is None


@dataclass(frozen=True)
class Found:
    """A module out of a source, and what the source knows about its images.

    Parameters
    ----------
    module : nn.Module
    input_shape : shapes, optional
        None where the source does not know.
    norm : tuple of tuple of float, optional
        Mean and standard deviation a channel, of pixels 0..1.
    notes : tuple of str
        What people should know, in sentences.
    """

    module: nn.Module
    input_shape: Shapes | None = None
    norm: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """One kind of place that models come from.

    Parameters
    ----------
    prefix : str
        Before the colon; "" for factories, whose prefix is a module of Python.
    form : str
        How a name of it is written.
    load : callable (Request) -> Found
    suffix : str
        Of files; "" for sources whose names are no files.
    """

    prefix: str
    form: str
    load: Callable[[Request], Found]
    suffix: str = ""


@contextmanager
def seeded() -> Iterator[None]:
    """Draw the same random weights each time; the caller's generator is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        yield


RANDOM_NOTE = f"random weights, drawn with seed {SEED}"


def unusable(package: str, error: BaseException) -> WorkbenchError:
    """Return the error of a library that cannot be imported."""
    if isinstance(error, ModuleNotFoundError):
        return WorkbenchError(
            f"the package {error.name or package} is not installed",
            f"the extra '{package}'",
            f"Run: pip install '{DISTRIBUTION}[{package}]'",
        )
    reason = (str(error).splitlines() or [""])[0]
    # timm imports torchvision, whose operations are compiled for one torch.
    package = "torchvision" if "torchvision" in reason else package
    return WorkbenchError(
        f"the package {package} cannot be imported ({type(error).__name__}: {reason})",
        "one that was built for the installed torch",
        f"Install the build of {package} that belongs to torch {torch.__version__}, "
        "from where that torch came.",
    )


def without_weights(request: Request, error: BaseException) -> WorkbenchError:
    """Return the error of weights that are neither here nor can be fetched."""
    reason = (str(error).strip().splitlines() or [""])[0]
    return WorkbenchError(
        f"the weights of '{request.spec}', which are not in the local cache and cannot "
        f"be fetched ({type(error).__name__}: {reason})",
        "weights in the cache, or a connection to their hub",
        "Connect once, give a file (weights=, --weights), or take random weights "
        "(random=True, --random).",
    )
